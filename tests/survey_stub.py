"""Galaxies that cost nothing, for tests of the survey writer; worker processes can import it.

The environment says more: ``SURVEY_STUB_LOG`` a file that gets a line for each galaxy made,
``SURVEY_STUB_GATE`` a file without which no galaxy from the third part on is finished,
``SURVEY_STUB_DEATH`` the galaxy that kills its process.
"""

import os
import signal
import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np


@dataclass(frozen=True)
class Field:
    shape: tuple[int, ...]
    dtype: str
    unit: str
    description: str


FIELDS = {
    "images": Field((3, 32, 32), "float16", "nanomaggy", "Cutouts."),
    "spectrum": Field((2000,), "float32", "1e-17 erg / (Angstrom s cm2)", "Spectrum."),
    "history": Field((200,), "float32", "solMass / yr", "Star formation; too short for chunks."),
    "flux": Field((3,), "float32", "nanomaggy", "Fluxes in g, r, z."),
    "hemisphere": Field((), "S1", "", "N or S."),
    "redshift": Field((), "float32", "", "Redshift."),
    "targetid": Field((), "int64", "", "Number of the galaxy."),
}


def load_templates():
    return SimpleNamespace(versions={"stars": "1.0"})


def simulate_galaxy(templates, seed, index):
    if "SURVEY_STUB_LOG" in os.environ:
        with open(os.environ["SURVEY_STUB_LOG"], "a") as log:
            log.write(f"{os.getpid()} {index}\n")
    if os.environ.get("SURVEY_STUB_DEATH") == str(index):
        os.kill(os.getpid(), signal.SIGKILL)
    gate = os.environ.get("SURVEY_STUB_GATE")
    while gate and index >= 128 and not os.path.exists(gate):
        time.sleep(0.01)
    rng = np.random.default_rng([seed, index])
    galaxy = {
        name: rng.standard_normal(field.shape).astype(field.dtype)
        for name, field in FIELDS.items()
        if name not in {"hemisphere", "targetid"}
    }
    return galaxy | {"hemisphere": np.bytes_("NS"[index % 2]), "targetid": np.int64(1000 + index)}


def install(setattr=setattr):
    from astroclip_astro.simulate import survey

    setattr(survey, "FIELDS", FIELDS)
    setattr(survey, "load_templates", load_templates)
    setattr(survey, "simulate_galaxy", simulate_galaxy)
