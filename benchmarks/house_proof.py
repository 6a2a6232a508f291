"""Show that two commits give the same values, and list every text that differs.

``python benchmarks/house_proof.py --before REV --after REV`` runs the same commands in both, one
after the other, in the environment of this Python with one thread: the demo in five formats, a run
killed and resumed, a search, a folder of files, five steps of each stage of training, a reference,
a report, the accessor, every ``--help``, and about fifty mistakes. Everything they write is
compared: names, values, units, UCDs, nulls and keywords to the byte; dates, versions and times
aside. A REV may be a folder that holds a checkout, with changes that are not committed.

The differences are printed as Markdown: values first, then texts. Exit status 0 where all values
are equal, 1 where one is not. It takes some minutes for each commit.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from house_proof_outputs import TEXT, VALUE, Entry, read_output, text, value
from house_proof_runs import run_all

REPOSITORY = Path(__file__).resolve().parents[1]
INPUTS = {"mine.fits", "long.fits", "rows.csv", "photometry.csv", "tiny.toml", "broken.fits"}
INPUTS |= {"empty.fits", "broken.toml", "nowhere.csv", "beyond.csv", "not.h5", "said.json"}
ABSENT = "(absent)"


@contextmanager
def checkout(revision: str, folder: Path) -> Iterator[Path]:
    """Give a tree of a revision, which is a git worktree in ``folder``, or the folder it names."""
    if Path(revision).is_dir():
        yield Path(revision).resolve()
        return
    git = ["git", "-C", str(REPOSITORY), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def outputs_of(revision: str, folder: Path, name: str) -> Path:
    """Run everything in a revision and return the folder with its outputs.

    Outputs of a commit that are there already are used again; both revisions run in a folder of
    the same name, since a name can be in an output.
    """
    commit = _commit(revision)
    kept = folder / (commit or name)
    if commit is None or not (kept / "complete").exists():
        shutil.rmtree(kept, ignore_errors=True)
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        with checkout(revision, folder / "tree") as tree:
            print(f"{name}: {revision}", file=sys.stderr, flush=True)
            run_all(tree, work)
        (work / "complete").touch()
        work.rename(kept)
    return kept


def _commit(revision: str) -> str | None:
    """Return the commit of a revision, None for a folder."""
    if Path(revision).is_dir():
        return None
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "--verify", f"{revision}^{{commit}}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def read_outputs(folder: Path) -> dict[str, Entry]:
    """Return everything that a revision has written and said, by file and place."""
    entries = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        aside = {"home", "cache", "local"} & set(name.parts) or name.name == "complete"
        if path.is_file() and not aside and name.name not in INPUTS:
            entries[f"{name}"] = value("there")
            entries |= {f"{name}: {place}": entry for place, entry in read_output(path).items()}
    for line, said in json.loads((folder / "said.json").read_text()).items():
        entries[f"`{line}`: exit status"] = value(said["status"])
        for stream in ("out", "err"):
            for number, words in enumerate(_paragraphs(said[stream]), 1):
                entries[f"`{line}`: {stream}, line {number}"] = text(words)
        if "--help" in line:
            options = {word for word in said["out"].split() if word.startswith("--")}
            entries[f"`{line}`: options"] = value(
                sorted(option.strip(",.;:)") for option in options)
            )
    return entries


def _paragraphs(words: str) -> list[str]:
    """Return the lines of an answer that say something."""
    return [line for line in words.splitlines() if line.strip()]


def differences(
    before: dict[str, Entry], after: dict[str, Entry]
) -> dict[str, list[tuple[str, str, str]]]:
    """Return place, content before and content after of what differs, by kind."""
    found: dict[str, list[tuple[str, str, str]]] = {VALUE: [], TEXT: []}
    for place in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(place), after.get(place)
        if old != new:
            kinds = {entry.kind for entry in (old, new) if entry is not None}
            contents = [ABSENT if entry is None else entry.content for entry in (old, new)]
            found[VALUE if VALUE in kinds else TEXT].append((place, *contents))
    return found


def report(found: dict[str, list[tuple[str, str, str]]], count: int) -> str:
    """Return the differences as Markdown; a text that changed in several places stands once."""
    lines = [f"{count:,} values and texts compared.", "", "## Values that differ", ""]
    lines += [f"- {place}: before `{old}`, after `{new}`" for place, old, new in found[VALUE]]
    lines += [] if found[VALUE] else ["None."]
    lines += ["", "## Texts that differ", ""]
    changes: dict[tuple[str, str], list[str]] = {}
    for place, old, new in found[TEXT]:
        changes.setdefault((old, new), []).append(place)
    for (old, new), places in changes.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        lines += [f"- {places[0]}{more}", f"  - before: {old}", f"  - after: {new}"]
    lines += [] if changes else ["None."]
    return "\n".join(lines)


def main() -> None:
    """Compare two revisions."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--before", required=True, metavar="REV")
    parser.add_argument("--after", required=True, metavar="REV")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="Folder that keeps outputs, to be used again."
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        entries = [
            read_outputs(outputs_of(revision, folder, name))
            for name, revision in (("before", options.before), ("after", options.after))
        ]
        found = differences(*entries)
        print(report(found, len(entries[0].keys() | entries[1].keys())))
    sys.exit(bool(found[VALUE]))


if __name__ == "__main__":
    main()
