"""Installation; the two data folders at the top install inside the package."""

import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "([^"]+)"', (HERE / "astroclip_astro" / "version.py").read_text()
).group(1)

setup(
    version=VERSION,
    packages=[
        "astroclip_astro",
        "astroclip_astro.accessor",
        "astroclip_astro.annotate",
        "astroclip_astro.catalogue",
        "astroclip_astro.cli",
        "astroclip_astro.dataset",
        "astroclip_astro.evaluate",
        "astroclip_astro.fetch",
        "astroclip_astro.fetch.desi_catalogue",
        "astroclip_astro.fetch.files",
        "astroclip_astro.fetch.sparcl",
        "astroclip_astro.figures",
        "astroclip_astro.interpret",
        "astroclip_astro.models",
        "astroclip_astro.prepare",
        "astroclip_astro.reference",
        "astroclip_astro.search",
        "astroclip_astro.signatures",
        "astroclip_astro.similar",
        "astroclip_astro.simulate",
        "astroclip_astro.sky",
        "astroclip_astro.standin",
        "astroclip_astro.storage",
        "astroclip_astro.train",
        "astroclip_astro.training_data",
        "astroclip_astro.zeroshot",
        "astroclip_astro.weights",
        "astroclip_astro.catalogs",
        "astroclip_astro.catalogs.demo_sky",
    ],
    package_dir={
        "astroclip_astro.weights": "weights",
        "astroclip_astro.catalogs": "catalogs",
        "astroclip_astro.catalogs.demo_sky": "catalogs/demo_sky",
    },
    include_package_data=False,  # MANIFEST.in is for the source distribution alone
    package_data={
        "astroclip_astro": ["py.typed"],
        "astroclip_astro.simulate": ["population.fits"],
        "astroclip_astro.weights": ["*.safetensors", "*.json", "README.md"],
        "astroclip_astro.catalogs": [  # by name: the README's first command writes here, too
            "demo.fits",
            "footprint-*.fits",
            "reference-*.fits",
            "README.md",
        ],
        "astroclip_astro.catalogs.demo_sky": ["*.fits"],
    },
)
