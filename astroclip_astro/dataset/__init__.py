"""Training sets of observed galaxies: chosen in DESI's catalogue, fetched, joined with labels.

How one comes about::

    selection -> Table          targets of DESI's redshift catalogue, by place and quality
    labels    -> Labels         a table of labels by TARGETID, such as PROVABGS masses
    plan      -> Plan           which galaxies will be asked for, with redshifts and labels
    galaxies  -> images and spectra, or why a galaxy is left out
    builder   -> an HDF5 file of them
"""

from astroclip_astro.dataset.builder import Outcome, build_training_set
from astroclip_astro.dataset.labels import Labels, read_labels
from astroclip_astro.dataset.plan import Plan, plan_training_set
from astroclip_astro.dataset.selection import Selection

__all__ = [
    "Labels",
    "Outcome",
    "Plan",
    "Selection",
    "build_training_set",
    "plan_training_set",
    "read_labels",
]
