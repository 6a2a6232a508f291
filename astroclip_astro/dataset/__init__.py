"""Training sets of observed galaxies: chosen in DESI's catalogue, fetched, joined with labels.

How one comes about::

    selection -> Table          targets of DESI's redshift catalogue, by place and quality
    labels    -> Labels         a table of labels by TARGETID, such as PROVABGS masses
    plan      -> Plan           which galaxies will be asked for, with redshifts and labels
    galaxies  -> images and spectra, or why a galaxy is left out
    builder   -> an HDF5 file of them
"""

from astroclip_astro.dataset.builder import (
    Outcome as Outcome,
    build_training_set as build_training_set,
)
from astroclip_astro.dataset.labels import Labels as Labels, read_labels as read_labels
from astroclip_astro.dataset.plan import Plan as Plan, plan_training_set as plan_training_set
from astroclip_astro.dataset.selection import Selection as Selection
