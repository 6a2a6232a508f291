"""Addresses of the archives, timeouts and limits, as astropy configuration items.

Read when they are used, so that ``conf.set_temp(...)`` and the section ``[config]`` of the file
``astroclip_astro.cfg`` in astropy's configuration folder (`astropy.config.get_config_dir`) have
their say.
"""

from __future__ import annotations

from astropy.config import ConfigItem, ConfigNamespace

__all__ = ["Conf", "conf"]


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
        6.0, "Seconds in which a host must accept a connection, and then answer, at first."
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
