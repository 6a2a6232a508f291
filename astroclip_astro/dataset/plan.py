"""What a training set will be made of: known before any image or spectrum is asked for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from astroclip_astro.config import conf
from astroclip_astro.dataset.labels import Labels
from astroclip_astro.dataset.selection import Selection, select_targets, subsample
from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.fetch.bad_reply import BadReplyError, UnreachableError
from astroclip_astro.fetch.desi_catalogue import DesiCatalogueClass
from astroclip_astro.fetch.first_contact import describe_unreachable
from astroclip_astro.fetch.survey_names import read_releases
from astroclip_astro.fetch.transport import Transport
from astroclip_astro.records import Source, Targets
from astroclip_astro.storage.hdf5 import Field

BEYOND_LIMIT = "beyond the limit"
NO_CATALOGUE = (
    "A training set is built from the archives, the demo or a server's address: a folder has no "
    "catalogue to choose from."
)


@dataclass(frozen=True)
class Plan:
    """The galaxies that will be asked for.

    Parameters
    ----------
    targets : Targets
        (n,), sorted by TARGETID, each once, where the catalogue has them.
    redshift : ndarray
        float64 (n,), of the catalogue.
    labels : mapping of str to ndarray
        (n, ...), by dataset, of these galaxies in this order.
    fields : mapping of str to Field
        What the datasets of labels are.
    rejected : mapping of str to int
        How many of the selection will not be asked for, by reason.
    description : mapping of str to str
        Release, selection and labels.
    simulated : bool
        Whether the catalogue says that it is.
    """

    targets: Targets
    redshift: np.ndarray
    labels: Mapping[str, np.ndarray]
    fields: Mapping[str, Field]
    rejected: Mapping[str, int]
    description: Mapping[str, str]
    simulated: bool

    def __len__(self) -> int:
        """Return the number of galaxies."""
        return len(self.targets)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that say which galaxies these are, with which labels."""
        digest = hashlib.sha256()
        numbers = (self.targets.targetid, self.targets.ra, self.targets.dec, self.redshift)
        for values in (*numbers, *self.labels.values()):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()[:16]


def plan_training_set(
    source: Source,
    selection: Selection,
    *,
    release: str | None = None,
    labels: Labels | None = None,
) -> Plan:
    """Choose the galaxies of a training set, and join their labels.

    Parameters
    ----------
    source : ArchiveSource
        The archives, or what speaks as they do; its TAP service is asked.
    selection : Selection
        Which galaxies.
    release : str, optional
        ``DESI-EDR`` or ``DESI-DR1``; by default ``conf.release``.
    labels : Labels, optional
        Galaxies without label are left out.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        Where the source has no catalogue, the selection is none, or no galaxy is left.
    SourceError
        Where the catalogue gives no usable reply.
    """
    release = one_release(release)
    if not hasattr(source, "tap_url"):
        raise InputError(NO_CATALOGUE)
    table, dropped = _query(source.tap_url, release, selection)
    rows, rejected = _choose(np.asarray(table["targetid"], np.int64), labels, selection.limit)
    left_out = Counter(dropped)
    left_out.update(rejected)
    if not len(rows):
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InputError(
            f"No galaxy in {release} where {selection} ({why or 'the catalogue has none'}); "
            "choose others."
        )
    targets = _targets(table, rows)
    joined: dict[str, np.ndarray] = {}
    fields: dict[str, Field] = {}
    words = {"release": release, "selection": str(selection)}
    if labels is not None:
        joined, fields = _labels_of(targets.targetid, labels), dict(labels.fields)
        words["labels"] = labels.name
    return Plan(
        targets,
        np.asarray(table["z"], float)[rows],
        joined,
        fields,
        dict(left_out),
        words,
        simulated=bool(table.meta.get("SIMULATED", False)),
    )


def _query(tap_url: str, release: str, selection: Selection) -> tuple[Table, dict[str, int]]:
    """Ask the catalogue for the targets of a selection; see `select_targets`."""
    transport = Transport(tap_url)
    with closing(transport.session):
        catalogue = DesiCatalogueClass(transport, release=release)
        try:
            return select_targets(selection, catalogue)
        except UnreachableError as error:
            raise SourceError(describe_unreachable([error])) from error
        except BadReplyError as error:
            raise SourceError(
                f"The catalogue gives no usable reply: {error}. Try again later, or choose less."
            ) from error


def _choose(
    targetid: np.ndarray, labels: Labels | None, limit: int | None
) -> tuple[np.ndarray, dict[str, int]]:
    """Return which targets have labels and are within the limit, and how many do not, by reason."""
    rows = np.arange(len(targetid))
    rejected: dict[str, int] = {}
    if labels is not None:
        found = labels.find(targetid)[1]
        rejected = labels.why_not(targetid[~found])
        rows = rows[found]
    chosen = rows[subsample(targetid[rows], limit)]
    if len(chosen) < len(rows):
        rejected[BEYOND_LIMIT] = len(rows) - len(chosen)
    return chosen, rejected


def _targets(table: Table, rows: np.ndarray) -> Targets:
    """Return the targets of some rows of the catalogue."""
    return Targets(
        np.asarray(table["mean_fiber_ra"], float)[rows] % 360,
        np.asarray(table["mean_fiber_dec"], float)[rows],
        np.asarray(table["targetid"], np.int64)[rows],
        np.ones(len(rows), bool),
    )


def _labels_of(targetid: np.ndarray, labels: Labels) -> dict[str, np.ndarray]:
    """Return the labels of targets that have some, by dataset."""
    rows = labels.find(targetid)[0]
    return {name: values[rows] for name, values in labels.values.items()}


def one_release(release: str | None) -> str:
    """Return the one data release of a training set.

    Parameters
    ----------
    release : str or None
        As an option gives it; None for ``conf.release``.

    Returns
    -------
    str

    Raises
    ------
    InputError
        For several: a TARGETID may be in each, with another spectrum.

    Examples
    --------
    >>> one_release("desi-edr")
    'DESI-EDR'
    """
    first, *more = read_releases(conf.release if release is None else release)
    if more:
        raise InputError(
            f"Release is {', '.join((first, *more))}, expected one: a training set has one "
            "spectrum of a TARGETID; build a set for each release."
        )
    return first
