"""Write the SIMULATED demo sky as DaCHS wants its inputs.

Usage: python publish.py FOLDER

Reads the files of catalogs/demo_sky by itself, not through the package, so that there is something
to compare with. Files that DaCHS cannot publish are named and left out.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table, join, vstack

HERE = Path(__file__).resolve().parent
SKY = HERE.parents[1] / "catalogs" / "demo_sky"
# Data Lab's name: where it is in our files.
COLUMNS = {
    "targetid": "TARGETID",
    "survey": "SURVEY",
    "program": "PROGRAM",
    "mean_fiber_ra": "TARGET_RA",
    "mean_fiber_dec": "TARGET_DEC",
    "z": "Z",
    "zerr": "ZERR",
    "zwarn": "ZWARN",
    "deltachi2": "DELTACHI2",
    "spectype": "SPECTYPE",
    "coadd_fiberstatus": "COADD_FIBERSTATUS",
    "sv_primary": "ZCAT_PRIMARY",
    "zcat_primary": "ZCAT_PRIMARY",
}


def redshifts(schema: str) -> Table:
    """Return what ``desi_edr.zpix`` or ``desi_dr1.zpix`` has, read from the files."""
    parts = []
    for coadd in sorted(SKY.glob("coadd-*.fits")):
        redrock = coadd.with_name(coadd.name.replace("coadd", "redrock"))
        targets = Table(fits.getdata(coadd, "FIBERMAP"))
        parts.append(join(targets, Table(fits.getdata(redrock, "REDSHIFTS")), keys="TARGETID"))
    rows = vstack(parts)
    table = Table({name: rows[column] for name, column in COLUMNS.items()})
    table["spectype"] = np.char.strip(np.asarray(table["spectype"], dtype=str))
    # The early release has survey validation only.
    return table[table["survey"] == "sv3"] if schema == "desi_edr" else table


def whole_images() -> list[Path]:
    """Return the cutouts that are whole; what is damaged on purpose DaCHS would not publish."""
    whole = []
    for path in sorted(SKY.glob("cutout-*.fits")):
        with path.open("rb") as file:
            header = fits.Header.fromfile(file)
            start = file.tell()
        pixels = np.prod([header[f"NAXIS{axis + 1}"] for axis in range(header["NAXIS"])])
        if path.stat().st_size >= start + pixels * abs(header["BITPIX"]) // 8:
            whole.append(path)
        else:
            print(f"left out, damaged on purpose: {path.name}")
    return whole


def main() -> None:
    """Write ``desi_edr/``, ``desi_dr1/`` and ``demo_sky/``."""
    inputs = Path(sys.argv[1])
    for schema in ("desi_edr", "desi_dr1"):
        folder = inputs / schema
        folder.mkdir(parents=True)
        table = redshifts(schema)
        table.write(folder / "zpix.fits")
        description = (HERE / "zpix.rd").read_text().replace("@SCHEMA@", schema)
        (folder / "q.rd").write_text(description)
        print(f"{schema}.zpix: {len(table)} rows")
    images = inputs / "demo_sky" / "images"
    images.mkdir(parents=True)
    for path in whole_images():
        shutil.copy(path, images)
    shutil.copy(HERE / "cutouts.rd", inputs / "demo_sky" / "q.rd")
    print(f"demo_sky: {len(list(images.iterdir()))} images")


if __name__ == "__main__":
    main()
