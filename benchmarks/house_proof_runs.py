"""What is run in one checkout: commands and the accessor, on small data that this script makes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table, vstack

GALAXIES = 160  # of the simulated survey that is trained on and evaluated
STEPS = 5  # of each stage of training
FORMATS = ("fits", "vot", "ecsv", "csv", "parquet")
PATIENCE = 900  # seconds that a command may take
PORT = 47163  # of the stand-in where its address is in what is compared
SERVER = f"http://127.0.0.1:{PORT}"
BAR = re.compile(r"%\||\[\d\d:\d\d")  # a line of a progress bar
PIXEL = 0.262 / 3600  # degrees
CAMERAS = {"B": (3600, 2751), "R": (5760, 2326), "Z": (7520, 2881)}
SUBCOMMANDS = {
    "astroclip-dataset": ("build",),
    "astroclip-reference": ("build",),
    "astroclip-train": ("spectrum", "image", "align", "all"),
}
TINY = """base = "compact"
name = "tiny"

[model]
image_blocks = [1, 1, 1, 1]
image_width = 8
window = 200
window_step = 100
spectrum_width = 16
spectrum_layers = 2
spectrum_heads = 2
max_tokens = 80
head_hidden = 32

[spectrum]
batch_size = 8
warmup = 2
chunk_width = 4

[image]
batch_size = 8
warmup = 2
queue = 64
group = 4

[align]
batch_size = 8
warmup = 2
group = 4
"""
PYTHON = '''
"""The accessor's methods; what they raise and return is written to python.json."""
import json
import numpy as np
import astroclip_astro
from astropy.table import Table
from astroclip_astro.catalogue import read_catalogue, write_catalogue

said = {}


def ask(name, function):
    try:
        answer = function()
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        said[name] = [kinds, str(error)]
        return None
    said[name] = [[], answer if isinstance(answer, (str, list)) else type(answer).__name__]
    return answer


done = read_catalogue("demo.fits")
t = Table({"ra": [280.0, 10.0], "dec": [-5.0, 95.0]})
ask("annotate", lambda: t.astroclip.annotate(source="demo", columns="redshift", device="cpu"))
ask("again", lambda: t.astroclip.redshift(source="demo", device="cpu"))
ask("flags", lambda: t.astroclip.flags())
ask("no flags", lambda: Table({"a": [1]}).astroclip.flags())
ask("no position", lambda: Table({"a": [1]}).astroclip.embed(source="demo"))
ask("empty", lambda: Table({"ra": [], "dec": []}).astroclip.embed(source="demo"))
ask("columns", lambda: Table({"ra": [1.0], "dec": [2.0]}).astroclip.annotate(columns="redshft"))
ask("modality", lambda: Table({"ra": [1.0], "dec": [2.0]}).astroclip.embed(
    source="demo", modality="images"))
ask("weights", lambda: astroclip_astro.load_model("nonesuch"))
ask("device", lambda: astroclip_astro.load_model("compact", device="gpu"))
ask("write", lambda: t.astroclip.write("python.xls"))
ask("set", lambda: setattr(t, "astroclip", 1))
ask("calibrate", lambda: done.astroclip.calibrate(redshift="NONE"))
ask("calibrate few", lambda: done.astroclip.calibrate(redshift="rmag"))
ask("similar nothing", lambda: done.astroclip.similar())
ask("similar two", lambda: done.astroclip.similar(0, position=(1, 2)))
ask("similar beyond", lambda: done.astroclip.similar(5000))
ask("similar target", lambda: done.astroclip.similar(0, target="redshift"))
ask("similar without", lambda: Table({"ra": [1.0], "dec": [2.0]}).astroclip.similar(0))
ask("similar length", lambda: done.astroclip.similar(embedding=np.ones(3)))
ask("similar reference", lambda: done.astroclip.similar(0, within="referenc"))
ask("read", lambda: read_catalogue("nosuch.fits"))
ask("repr", lambda: repr(t.astroclip))
found = done.astroclip.similar(0, k=5)
write_catalogue(found, "python_similar.ecsv")
vector = np.asarray(done["astroclip_image"][0])
write_catalogue(done.astroclip.similar(embedding=vector, query="image", k=5), "python_vector.ecsv")
model = astroclip_astro.load_model("compact", device="cpu")
grid = np.linspace(0, 1, 3 * 152 * 152, dtype=np.float32).reshape(1, 3, 152, 152) / 50
image = np.asarray(model.embed_images(grid))
spectrum = np.asarray(model.embed_spectra(np.sin(np.arange(7781, dtype=np.float32))[None] + 2))
Table({"image": image, "spectrum": spectrum}).write("python_embeddings.ecsv")
with open("python.json", "w") as file:
    json.dump(said, file, indent=1)
'''


@dataclass
class Checkout:
    """A tree of the package, and the folder where its commands run and leave their files."""

    tree: Path
    work: Path
    said: dict[str, dict[str, object]] = field(default_factory=dict)  # by command line

    def environment(self) -> dict[str, str]:
        """Return the environment of every process: this tree, one thread, no settings of a user."""
        home = self.work / "home"
        home.mkdir(exist_ok=True)
        threads = dict.fromkeys(("OMP", "MKL", "OPENBLAS", "NUMEXPR"), "1")
        return {
            **{name: words for name, words in os.environ.items() if not name.startswith("XDG_")},
            **{f"{name}_NUM_THREADS": number for name, number in threads.items()},
            "PYTHONPATH": str(self.tree),
            "PYTHONHASHSEED": "0",
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home),
            "COLUMNS": "100",
            "MPLBACKEND": "agg",
        }

    def command(self, line: str) -> list[str]:
        """Return the arguments of a process for a command as a shell would be given it."""
        name, *arguments = line.split()
        scripts = tomllib.loads((self.tree / "pyproject.toml").read_text())["project"]["scripts"]
        module, function = scripts[name].split(":")
        code = f"import sys; sys.argv[0] = {name!r}; from {module} import {function}; {function}()"
        return [sys.executable, "-c", code, *arguments]

    def run(self, line: str, *, fails: bool = False) -> None:
        """Run a command to its end and keep its status and what it said.

        Parameters
        ----------
        line : str
            The command.
        fails : bool
            Whether it may fail; otherwise there is nothing to compare, and everything stops.
        """
        done = subprocess.run(
            self.command(line),
            cwd=self.work,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        error = "\n".join(part for part in done.stderr.splitlines() if not BAR.search(part))
        if done.returncode and not fails:
            raise SystemExit(f"{self.tree}: {line} ended with {done.returncode}: {error}")
        self.said[line] = {
            "status": done.returncode,
            "out": self.clean(done.stdout),
            "err": self.clean(error),
        }

    @contextmanager
    def server(self) -> Iterator[None]:
        """Serve the demo's sky at an address that is the same in every run."""
        process = subprocess.Popen(
            [sys.executable, "-m", "astroclip_astro.standin", "--port", str(PORT)],
            cwd=self.work,
            env=self.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if not process.stdout.readline():
                raise SystemExit(f"{self.tree}: the stand-in cannot serve at port {PORT}")
            yield
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()

    def clean(self, words: str) -> str:
        """Return what was said without the names of this run's folders."""
        return words.replace(str(self.work), "WORK").replace(str(self.tree), "TREE")

    def python(self, name: str, code: str) -> None:
        """Run Python code that uses the package."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=self.work,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{self.tree}: {name} ended with {done.returncode}: {done.stderr}")
        self.said[name] = {"status": 0, "out": "", "err": self.clean(done.stderr)}


def demo(checkout: Checkout) -> None:
    """Annotate the bundled catalogue in five formats, one of them with another's options."""
    catalogue = Table.read(checkout.tree / "catalogs" / "demo.fits")
    catalogue["Z_SPEC"] = 0.05 + 0.005 * np.arange(len(catalogue))
    catalogue.write(checkout.work / "mine.fits")
    quiet = "--source demo --device cpu"
    for name in FORMATS:
        checkout.run(f"astroclip-annotate mine.fits {quiet} -o demo.{name}")
    with checkout.server():
        checkout.run(
            f"astroclip-annotate mine.fits --source {SERVER} --device cpu -o part.ecsv "
            "--rows 3:43 --modality spectrum --columns redshift --match-radius 2 "
            "--calibrate redshift=Z_SPEC --cache cache -v"
        )
    checkout.run(f"astroclip-annotate mine.fits {quiet} -o dry.fits --dry-run")
    names = sorted(path.name for path in (checkout.work / "cache").rglob("*") if path.is_file())
    (checkout.work / "cache.json").write_text(json.dumps(names))


def killed(checkout: Checkout) -> None:
    """Kill a run in its second chunk, resume it, and run the same without a break."""
    bundled = Table.read(checkout.tree / "catalogs" / "demo.fits")["name", "ra", "dec"][:20]
    empty = Table({"name": ["plane"] * 230, "ra": np.full(230, 280.0), "dec": np.full(230, -5.0)})
    long = vstack([bundled, empty, *[bundled] * 6])
    long.write(checkout.work / "long.fits")
    with checkout.server():
        line = f"astroclip-annotate long.fits --source {SERVER} --cache none --device cpu -q -o "
        status, chunks = kill(checkout, f"{line}resumed.fits")
        written = (checkout.work / "resumed.fits").exists()
        checkout.run(f"{line}resumed.fits")
        checkout.run(f"{line}unbroken.fits")
    left = {"status": status, "output": written, "chunks": chunks}
    (checkout.work / "killed.json").write_text(json.dumps(left))


def kill(checkout: Checkout, line: str) -> tuple[int, dict[str, int]]:
    """Kill a command when its first chunk is there; return its status and the chunk's rows."""
    process = subprocess.Popen(
        checkout.command(line),
        cwd=checkout.work,
        env=checkout.environment(),
        stdin=subprocess.DEVNULL,
    )
    began = time.monotonic()
    while not (chunks := list(checkout.work.glob(".astroclip-*/*.npy"))):
        if process.poll() is not None or time.monotonic() - began > PATIENCE:
            process.kill()
            raise SystemExit(f"{checkout.tree}: no chunk was there before the run ended")
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    names = {str(path.relative_to(checkout.work)): len(np.load(path)) for path in chunks}
    return process.wait(), names


def search(checkout: Checkout) -> None:
    """Search in the annotated demo by row, by position, by files, and in the reference."""
    local_files(checkout.work / "local")
    ask = "astroclip-search demo.fits --device cpu"
    checkout.run(f"{ask} --row 29 --k 5 -o by_row.fits")
    checkout.run(f"{ask} --row 0 --k 5 --by spectrum --among image -o across.ecsv")
    checkout.run(f"{ask} --position 0.0 -5.0 --k 4 -o by_position.vot")
    checkout.run(f"{ask} --row 2 --k 6 --in-reference -o in_reference.ecsv")
    checkout.run(f"{ask} --image local/image.fits --k 3 -o by_image.csv")
    checkout.run(f"{ask} --spectrum local/coadd-1.fits --targetid 11 --k 3 -o by_spectrum.parquet")
    checkout.run(f"{ask} --row 0 --k 3 --source demo --plot similar.png -q")


def local(checkout: Checkout) -> None:
    """Annotate from a folder of files."""
    local_files(checkout.work / "local")
    rows = {"TARGETID": [11, 12, 99], "ra": [150.0, 150.01, 20.0], "dec": [2.0, 2.0, 2.0]}
    Table(rows).write(checkout.work / "rows.csv", overwrite=True)
    checkout.run("astroclip-annotate rows.csv --source local --device cpu -o from_files.ecsv -v")


def local_files(folder: Path) -> None:
    """Write a cutout and a coadd of two targets, SIMULATED by a formula."""
    if folder.exists():
        return
    folder.mkdir()
    side = np.arange(152) - 75.5
    spot = np.exp(-(side[:, None] ** 2 + side**2) / 50).astype(np.float32)
    header = fits.Header(
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0}
    )
    header.update(CRPIX1=76.5, CRPIX2=76.5, CD1_1=-PIXEL, CD1_2=0.0, CD2_1=0.0, CD2_2=PIXEL)
    header.update(BANDS="grz", IMAGETYP="image", SIMULATD=True)
    cube = np.stack([0.4 * spot, spot, 1.6 * spot])
    fits.PrimaryHDU(cube, header).writeto(folder / "image.fits")
    fibres = {
        "TARGETID": np.array([11, 12]),
        "TARGET_RA": np.array([150.0, 150.01]),
        "TARGET_DEC": np.array([2.0, 2.0]),
        "OBJTYPE": np.array(["TGT", "TGT"]),
        "COADD_FIBERSTATUS": np.zeros(2, np.int32),
        "COADD_EXPTIME": np.full(2, 1000.0, np.float32),
    }
    rows = np.rec.fromarrays(list(fibres.values()), names=list(fibres))
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU(rows, name="FIBERMAP")]
    for camera, (start, length) in CAMERAS.items():
        wave = start + 0.8 * np.arange(length)
        flux = np.stack([3 + np.sin(wave / 90), 2 + np.cos(wave / 70)]).astype(np.float32)
        hdus += [
            fits.ImageHDU(wave, name=f"{camera}_WAVELENGTH"),
            fits.ImageHDU(flux, name=f"{camera}_FLUX"),
            fits.ImageHDU(np.full_like(flux, 4), name=f"{camera}_IVAR"),
        ]
    fits.HDUList(hdus).writeto(folder / "coadd-1.fits")


def supply(checkout: Checkout) -> None:
    """Simulate a survey, train five steps of each stage, build a reference, evaluate."""
    (checkout.work / "tiny.toml").write_text(TINY)
    checkout.run(f"astroclip-simulate {GALAXIES} -o survey.h5 --seed 3 --jobs 1 -q")
    with checkout.server():
        checkout.run(
            f"astroclip-dataset build -o built.h5 --source {SERVER} --box 350 10 -10 10 --size 96 "
            "--limit 20 --skip-failed --cache none -q"
        )
    exact = "--device cpu --precision float32 -q"
    checkout.run(
        f"astroclip-train all --data survey.h5 -o run --config tiny.toml --steps {STEPS} --seed 5 "
        f"--holdout 0.2 {exact}"
    )
    checkout.run(
        f"astroclip-train spectrum --data survey.h5 -o more --config tiny.toml --steps {STEPS} "
        f"--accumulate 2 --seed 6 {exact}"
    )
    checkout.run(
        f"astroclip-train image --data survey.h5 -o none --config tiny.toml --check {exact}",
        fails=True,
    )
    checkout.run(
        "astroclip-reference build survey.h5 -o reference.fits --weights run --holdout 0.2 "
        "--scores scores.json --label-columns ebv --device cpu"
    )
    checkout.run(
        "astroclip-annotate mine.fits --source demo --device cpu --weights run "
        "--reference reference.fits --rows 0:20 -o own.fits"
    )
    checkout.run(
        "astroclip-evaluate --data survey.h5 -o report --weights run/align "
        "--unaligned run/spectrum --losses run/spectrum --strangers 2 --holdout 0.4 "
        "--resamples 20 --device cpu"
    )
    simulated_photometry(checkout.work)
    checkout.run(
        "astroclip-evaluate --photometry photometry.csv -o photometry --holdout 0.3 "
        "--holdout-by field --resamples 20"
    )


def simulated_photometry(work: Path) -> None:
    """Write magnitudes in which the redshift is a function of colour, SIMULATED."""
    colour = np.random.default_rng(1).uniform(0, 1, 300)
    magnitudes = {"mag_g": 19 + 2 * colour, "mag_r": 19 + colour, "mag_z": 18.5 + 0 * colour}
    Table(magnitudes | {"z": colour / 2, "field": np.arange(300) % 5}).write(
        work / "photometry.csv"
    )


def helps(checkout: Checkout) -> None:
    """Ask every command for its help."""
    scripts = tomllib.loads((checkout.tree / "pyproject.toml").read_text())["project"]["scripts"]
    for name in sorted(scripts):
        for below in ("", *SUBCOMMANDS.get(name, ())):
            checkout.run(" ".join(filter(None, (name, below, "--help"))))


def mistakes(checkout: Checkout) -> None:
    """Give every command what it must refuse."""
    work = checkout.work
    Table({"a": [1.0]}).write(work / "nowhere.csv")
    Table({"ra": [400.0], "dec": [95.0]}).write(work / "beyond.csv")
    (work / "empty.fits").write_bytes(b"")
    (work / "broken.fits").write_bytes(b"SIMPLE  =" + b" " * 400)
    (work / "broken.toml").write_text("[spectrum]\nstep = 5\n")
    (work / "not.h5").write_text("not HDF5")
    for line in MISTAKES:
        checkout.run(line, fails=True)


MISTAKES = (
    "astroclip-annotate",
    "astroclip-annotate nosuch.fits",
    "astroclip-annotate nowhere.csv --source demo",
    "astroclip-annotate beyond.csv --source demo --device cpu -o beyond.fits",
    "astroclip-annotate empty.fits --source demo",
    "astroclip-annotate broken.fits --source demo",
    "astroclip-annotate mine.fits --source nosuchfolder",
    "astroclip-annotate mine.fits --source demo --columns redshft",
    "astroclip-annotate mine.fits --source demo --modality picture",
    "astroclip-annotate mine.fits --source demo --weights none",
    "astroclip-annotate mine.fits --source demo --reference none",
    "astroclip-annotate mine.fits --source demo --match-radius -1",
    "astroclip-annotate mine.fits --source demo --rows 9:3",
    "astroclip-annotate mine.fits --source demo --release DR99",
    "astroclip-annotate mine.fits --source demo --calibrate redshift",
    "astroclip-annotate mine.fits --source demo --calibrate redshift=NONE",
    "astroclip-annotate mine.fits --source demo -o out.xyz",
    "astroclip-annotate mine.fits --source demo -o nofolder/out.fits",
    "astroclip-annotate mine.fits --source demo -o mine.fits",
    "astroclip-annotate mine.fits --source demo --cache-limit many",
    "astroclip-annotate mine.fits --source demo --jobs 0",
    "astroclip-annotate mine.fits --source demo --rax RA",
    "astroclip-annotate mine.fits --source demo --ra RA --dec DEC",
    "astroclip-search demo.fits",
    "astroclip-search demo.fits --row 5000",
    "astroclip-search demo.fits --row 1 --position 1 2",
    "astroclip-search demo.fits --row 1 --k 0",
    "astroclip-search demo.fits --position 100 50",
    "astroclip-search mine.fits --row 1",
    "astroclip-search demo.fits --image nosuch.fits",
    "astroclip-search demo.fits --row 1 --plot similar.jpg --source demo",
    "astroclip-search demo.fits --row 1 --plot x.png",
    "astroclip-dataset build -o built2.h5 --source demo",
    "astroclip-dataset build -o built2.txt --source demo --cone 0 -5 3",
    "astroclip-dataset build -o built2.h5 --source demo --box 1 2 3 99",
    "astroclip-simulate 0 -o x.h5",
    "astroclip-simulate 3 -o x.fits",
    "astroclip-train spectrum --data nosuch.h5 -o none",
    "astroclip-train spectrum --data not.h5 -o none",
    "astroclip-train spectrum --data survey.h5 -o none --config broken.toml",
    "astroclip-train spectrum --data survey.h5 -o none --config nosuch",
    "astroclip-train spectrum --data survey.h5 -o none --holdout 2",
    "astroclip-train all --data survey.h5 -o run --config tiny.toml --steps 9 --resume",
    "astroclip-train all --data survey.h5 -o run --config tiny.toml",
    "astroclip-reference build nosuch.h5 -o r.fits",
    "astroclip-reference build survey.h5 -o nofolder/r.fits",
    "astroclip-reference build survey.h5 -o r.fits --label-columns nosuch",
    "astroclip-reference build survey.h5 -o reference.fits",
    "astroclip-evaluate -o report2",
    "astroclip-evaluate --data nosuch.h5 -o report2",
    "astroclip-evaluate --data survey.h5 -o report",
    "astroclip-evaluate --photometry nowhere.csv -o report2",
)


def python(checkout: Checkout) -> None:
    """Call the accessor's methods."""
    (checkout.work / "demo.fits").exists() or checkout.run(
        "astroclip-annotate mine.fits --source demo --device cpu -o demo.fits -q"
    )
    checkout.python("python", PYTHON)


STEPS_OF_PROOF: dict[str, Callable[[Checkout], None]] = {
    "help": helps,
    "demo": demo,
    "killed": killed,
    "search": search,
    "local": local,
    "supply": supply,
    "python": python,
    "mistakes": mistakes,
}


def run_all(tree: Path, work: Path) -> None:
    """Run every step in a tree; what the commands said is in said.json, their files beside it."""
    work.mkdir(parents=True)
    checkout = Checkout(tree, work)
    for name, step in STEPS_OF_PROOF.items():
        began = time.monotonic()
        step(checkout)
        print(f"  {name:10} {time.monotonic() - began:6.0f} s", file=sys.stderr, flush=True)
        (work / "said.json").write_text(json.dumps(checkout.said, indent=1))
