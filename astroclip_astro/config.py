"""Addresses of the archives, timeouts and limits, as astropy configuration items.

Read when they are used, so that ``conf.set_temp(...)`` and the section ``[config]`` of the file
``astroclip_astro.cfg`` in astropy's configuration folder (`astropy.config.get_config_dir`) have
their say.
"""

from __future__ import annotations

from astropy.config import ConfigItem, ConfigNamespace

from astroclip_astro.columns import GROUPS, MODALITIES

__all__ = ["conf"]


SOURCE = "archive"
MODALITY = MODALITIES
WEIGHTS = "compact"
COLUMN_GROUPS = GROUPS
MATCH_RADIUS = 1.0  # arcsec
DEVICE = "auto"
PRECISION = "auto"
K = 10  # similar galaxies
PLOTTED = 5  # of them in a picture
OPTION_DESCRIPTIONS = {  # option -> type and description, as numpydoc has them
    "source": """str, path or Source
Where images and spectra come from. ``"archive"`` stands for the public archives of the Legacy
Surveys and DESI, ``"demo"`` for the bundled SIMULATED sky. An address ``http(s)://...`` is a
server that speaks as the archives do; a folder holds your own cutouts and DESI coadds. An object
with the methods of `astroclip_astro.records.Source` is used as it is.""",
    "modality": """str or iterable of str
What is embedded: ``image``, ``spectrum`` or both, with a comma in a string.""",
    "weights": """str or path
The name of bundled weights, a ``.safetensors`` file with its ``.json`` card beside it, or the
folder of a finished training run.""",
    "reference": """str or path, optional
Labelled galaxies that rows are compared with: the name of a bundled reference or a file. By
default those that belong to the weights.""",
    "match_radius": """float or Quantity
Largest distance between a row and its spectrum; a plain number is in arcsec.""",
    "device": """{"auto", "cpu", "cuda", "cuda:N", "mps"}
Where to compute. ``auto`` prefers a GPU; ``cuda:1`` is the second one.""",
    "precision": """{"auto", "float32", "bfloat16"}
Number format inside the network. ``auto`` is bfloat16 on GPUs that have it, else float32.""",
    "layer": """str, optional
Layer of the Legacy Surveys that images are taken from; by default ``conf.layer``, which is
``ls-dr9``.""",
    "release": """str, optional
Data release of DESI: ``DESI-EDR``, ``DESI-DR1``, or both with a comma, the preferred one first. By
default ``conf.release``, which is ``DESI-DR1``.""",
    "jobs": """int, optional
Connections at a time to each archive; by default ``conf.jobs``, which is 4.""",
    "cache": """str or path, optional
Folder where replies of the archives are cached, or ``"none"``. By default it is in astropy's cache
folder; the demo has none.""",
    "cache_limit": """str, float or Quantity, optional
Size that the cache may have, such as ``"500 MB"``; a plain number is in GB. By default
``conf.cache_limit``, which is 20 GB.""",
    "ra": """str, optional
Name of the column of right ascension, or of a SkyCoord column; by default it is found by name and
unit.""",
    "dec": """str, optional
Name of the column of declination; by default it is found like ``ra``.""",
    "frame": """str, optional
Frame of the positions: ``icrs``, ``fk5``, ``fk4``, ``galactic``, ``supergalactic`` or ``ecliptic``,
with an equinox behind a colon where it is not J2000 (B1950 for fk4), such as ``fk5:J1975``. By
default what the table says of its columns, else ICRS.""",
    "overwrite": """bool
Whether columns whose names are taken may be replaced.""",
    "quiet": """bool
Whether to show nothing. False shows a progress bar that says what is being done.""",
    "path": """str or path, optional
File that the figure is saved to: ``.png``, ``.pdf`` or ``.svg``.""",
}


class Conf(ConfigNamespace):
    """Configuration of the archive clients; the command's options go before it."""

    viewer_url = ConfigItem(
        "https://www.legacysurvey.org/viewer", "Legacy Surveys viewer, which serves cutouts."
    )
    sparcl_url = ConfigItem(
        "https://astrosparcl.datalab.noirlab.edu/api", "SPARCL, which serves DESI spectra."
    )
    tap_url = ConfigItem(
        "https://datalab.noirlab.edu/tap", "Astro Data Lab's TAP service, for DESI's redshifts."
    )
    layer = ConfigItem("ls-dr9", "Legacy Surveys layer that cutouts are taken from.")
    release = ConfigItem("DESI-DR1", "DESI data releases, preferred first, with commas.")
    jobs = ConfigItem(4, "Connections at a time to each archive.")
    cache_limit = ConfigItem("20 GB", "Size that the cache of fetched data may have.")
    first_contact = ConfigItem(
        5.0, "Seconds in which a host must accept a connection, and then answer, at first."
    )
    connect_timeout = ConfigItem(10.0, "Seconds to wait for a connection.")
    timeout = ConfigItem(60.0, "Seconds to wait for the next byte of a reply.")
    deadline = ConfigItem(300.0, "Seconds a whole reply may take.")
    attempts = ConfigItem(6, "How often a request is made before its rows are flagged.")
    backoff = ConfigItem(0.5, "Seconds before the second attempt, on average; doubles each time.")
    longest_wait = ConfigItem(120.0, "Longest wait in seconds that a server may ask for.")
    give_up_after = ConfigItem(
        20, "Questions in a row, each asked `attempts` times, without answer: the service is down."
    )


conf = Conf()
