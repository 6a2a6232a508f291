"""Units of columns as a file spells them, and as astropy understands them."""

from __future__ import annotations

import warnings

from astropy.table import Column
from astropy.units import Unit, UnitBase, UnrecognizedUnit
from astropy.utils.exceptions import AstropyWarning

# In column.meta: [text in the file, astropy's text for the same unit], where the file's is unusual.
UNIT_KEY = "unit_in_file"


def understand_unit(text: str, *spellings: str) -> UnitBase:
    """Return the unit that a text stands for.

    Parameters
    ----------
    text : str
        As a file has it.
    *spellings : str
        astropy's formats, in the order in which they are tried.

    Returns
    -------
    astropy.units.UnitBase
        Where no format knows all of it, what astropy's own format knows and spells the same, else
        an unknown unit with the text as its name. The format of VOTable 1.4 (``vounit``) is never
        to be asked: it takes ``degrees`` for tenths of an unknown ``egrees``.

    Examples
    --------
    >>> understand_unit("mas.yr-1", "cds", "generic")
    Unit("mas / yr")
    >>> understand_unit("degrees", "cds", "generic")
    UnrecognizedUnit(degrees)
    """
    for spelling in spellings:
        unit = _parsed(text, spelling)
        if not isinstance(unit, UnrecognizedUnit):
            return unit
    unit = _parsed(text, "generic")
    return unit if unit.to_string() == text else UnrecognizedUnit(text)


def _parsed(text: str, spelling: str) -> UnitBase:
    """Return the unit of a text in one of astropy's formats, without remarks on its style."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            return Unit(text, format=spelling, parse_strict="silent")
        except (ValueError, TypeError, AttributeError):
            return UnrecognizedUnit(text)


def set_unit(column: Column, text: str, *spellings: str, written: str) -> None:
    """Give a column the unit of a file, and keep how the file spells it.

    Parameters
    ----------
    column : astropy.table.Column
        Changed in place: its unit, and its ``meta`` where it would be written differently.
    text : str
        As the file has it.
    *spellings : str
        As for `understand_unit`.
    written : str
        astropy's format that units of such a file are written in.

    Examples
    --------
    >>> column = Column([1.0], name="pm")
    >>> set_unit(column, "mas.yr-1", "cds", written="vounit")
    >>> column.unit, unit_text(column)
    (Unit("mas / yr"), 'mas.yr-1')
    """
    unit = understand_unit(text, *spellings)
    column.unit = unit
    if text != spelt(unit, written):
        column.meta[UNIT_KEY] = [text, unit.to_string()]


def spelt(unit: UnitBase, spelling: str) -> str:
    """Return a unit as one of astropy's formats spells it, as astropy does where that cannot.

    Parameters
    ----------
    unit : astropy.units.UnitBase
        Any unit.
    spelling : str
        One of astropy's formats.

    Returns
    -------
    str

    Examples
    --------
    >>> spelt(Unit("mas / yr"), "fits"), spelt(Unit("dex(solMass)"), "fits")
    ('mas yr-1', 'dex(solMass)')
    """
    plain = unit.to_string()
    if spelling == "vounit":
        # Only what astropy's own spelling means there too.
        return plain if _parsed(plain, spelling) != unit else _written(unit, spelling) or plain
    text = _written(unit, spelling)
    return text if text is not None and _parsed(text, spelling) == unit else plain


def _written(unit: UnitBase, spelling: str) -> str | None:
    """Return a unit in one of astropy's formats, None where it has no place there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            return str(unit.to_string(spelling))
        except ValueError:
            return None


def unit_text(column: Column) -> str | None:
    """Return a column's unit as the file that it came from spelt it.

    Parameters
    ----------
    column : astropy.table.Column
        Or a mixin.

    Returns
    -------
    str or None
        None where it came from no file, or has another unit now.

    Examples
    --------
    >>> unit_text(Column([1.0], unit="deg")) is None
    True
    """
    kept = (column.info.meta or {}).get(UNIT_KEY)
    unit = column.info.unit
    if unit is None or not isinstance(kept, list | tuple) or len(kept) != 2:
        return None
    return str(kept[0]) if kept[1] == unit.to_string() else None


def without_unit_text(meta: dict | None) -> dict:
    """Return a column's metadata without what `set_unit` put there: a file has a place for it."""
    return {key: value for key, value in (meta or {}).items() if key != UNIT_KEY}
