"""Plots of one object of a table: what is looked at in it, how it is filled in, what is like it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from astroclip_astro.config import DEVICE, PRECISION, SOURCE, WEIGHTS
from astroclip_astro.errors import InputError
from astroclip_astro.figures.picture import check_picture, finish_picture
from astroclip_astro.interpret.spectrum import ObjectSpectrum, fetch_spectrum
from astroclip_astro.records import Source, sample_name
from astroclip_astro.sky.arguments import check_row, check_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from astroclip_astro.models.card import Card
    from astroclip_astro.models.model import Model


def plot_attention(
    table: Table,
    row: int,
    *,
    source: str | os.PathLike | Source = SOURCE,
    weights: str | os.PathLike = WEIGHTS,
    redshift: float | None = None,
    device: str = DEVICE,
    precision: str = PRECISION,
    path: str | os.PathLike | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Figure:
    """Draw which parts of an object's spectrum each head of the cross-attention looks at.

    Parameters
    ----------
    table : Table
        With positions or TARGETIDs. It is not changed.
    row : int
        Row of the table, from 0.
    source : str, path or Source
        Where the spectrum comes from, as `astroclip_astro.fetch.open.open_source` has it.
    weights : str or path
        Name of bundled weights, a ``.safetensors`` file or the folder of a run.
    redshift : float, optional
        At which lines are marked; by default the first that is known of DESI's, in the table
        (``astroclip_desi_z``) or with the spectrum, and ``astroclip_z``. Without any, none are.
    device, precision : str
        Where to compute, and how precisely.
    path : str or path, optional
        Where the figure is saved: .png, .pdf or .svg.
    overwrite : bool
        Whether the file may be replaced.
    **options
        ``ra``, ``dec`` (names of the position columns), ``match_radius`` (arcsec); ``layer``,
        ``release``, ``jobs``, ``cache``, ``cache_limit`` of the source.

    Returns
    -------
    matplotlib.figure.Figure
        The spectrum and a panel for each head; a notebook shows it.

    Raises
    ------
    InputError
        For a row that there is not or that has no spectrum, or an option that cannot be met.
    SourceError
        Where the source has a spectrum and cannot deliver it.
    """
    from astroclip_astro.models.card import check_aligned
    from astroclip_astro.models.model import load_model  # torch is loaded here, not on import

    row = check_row(row, len(check_table(table)))
    check_picture(path, overwrite=overwrite)
    model = load_model(weights, device=device, precision=precision)
    check_aligned(model.card)
    found = fetch_spectrum(table, row, source, redshift, **options)
    return finish_picture(_draw_attention(model, found, row), path)


def plot_masked(
    table: Table,
    row: int,
    *,
    source: str | os.PathLike | Source = SOURCE,
    weights: str | os.PathLike = WEIGHTS,
    unaligned: str | os.PathLike | None = None,
    seed: int = 0,
    chunks: int | None = None,
    chunk_width: int | None = None,
    redshift: float | None = None,
    device: str = DEVICE,
    precision: str = PRECISION,
    path: str | os.PathLike | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Figure:
    """Hide parts of an object's spectrum, and draw how the transformer fills them in.

    Parameters
    ----------
    table, row, source, redshift, device, precision, path, overwrite, **options
        As `plot_attention` has them.
    weights : str or path
        Weights whose pretraining is looked at. Alignment changes the transformer, so that those
        from before it are used.
    unaligned : str or path, optional
        Weights before alignment: a bundled name, a file, or the folder of a run of
        ``astroclip-train spectrum``; by default the bundled ones that belong to ``weights``.
    seed : int
        Of the hidden places.
    chunks, chunk_width : int, optional
        Number of hidden chunks, and tokens in each; by default as in training.

    Returns
    -------
    matplotlib.figure.Figure
        The spectrum and its reconstruction, and an inset of each hidden stretch.

    Raises
    ------
    InputError
        For a row that there is not or that has no spectrum, an option that cannot be met, or
        where there are no weights before alignment.
    SourceError
        Where the source has a spectrum and cannot deliver it.
    """
    from astroclip_astro.models.masking import check_reconstructs, sample_mask
    from astroclip_astro.models.model import load_model

    row = check_row(row, len(check_table(table)))
    check_picture(path, overwrite=overwrite)
    model = load_model(pretrained_weights(weights, unaligned), device=device, precision=precision)
    check_reconstructs(model.card)
    hidden = sample_mask(model.config, model.card, seed=seed, chunks=chunks, width=chunk_width)
    stretches = _hidden_stretches(model, hidden, chunk_width)
    found = fetch_spectrum(table, row, source, redshift, **options)
    return finish_picture(_draw_masked(model, found, row, hidden, stretches), path)


def pretrained_weights(
    weights: str | os.PathLike, unaligned: str | os.PathLike | None = None
) -> str | os.PathLike:
    """Return the weights before alignment that belong to aligned ones.

    Parameters
    ----------
    weights : str or path
        Bundled name or file.
    unaligned : str or path, optional
        What the user says they are.

    Returns
    -------
    str or path
        ``unaligned`` where it is given, else the bundled ``WEIGHTS-unaligned``, or ``weights``
        where that is the name of such.

    Raises
    ------
    InputError
        Where none are bundled.

    Examples
    --------
    >>> pretrained_weights("compact", "runs/spectrum")
    'runs/spectrum'
    >>> pretrained_weights("mine.safetensors")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.InputError: No weights from before alignment are bundled with ...
    """
    from astroclip_astro.models.card import bundled

    if unaligned is not None:
        return unaligned
    names = bundled()
    for name in (f"{weights}-unaligned", str(weights)):
        if name in names and name.endswith("-unaligned"):
            return name
    raise InputError(
        f"No weights from before alignment are bundled with {str(weights)!r}, and aligned ones "
        "cannot fill in spectra; pass unaligned=..., the folder of a run of astroclip-train "
        "spectrum or its .safetensors file."
    )


def _draw_attention(model: Model, found: ObjectSpectrum, row: int) -> Figure:
    """Draw the attention of each head over the spectrum of a row."""
    from astroclip_astro.figures.attention import attention_figure

    shares, spans = model.attention(found.flux[None], found.ivar[None])
    return attention_figure(
        found.flux,
        found.ivar,
        shares[0],
        spans,
        redshift=found.redshift,
        title=f"Row {row}: attention over its spectrum, {_weights_words(model.card)}\n"
        f"{found.description}",
    )


def _hidden_stretches(model: Model, hidden: np.ndarray, chunk_width: int | None) -> np.ndarray:
    """Return first and last wavelength of each stretch that is hidden, or raise for none."""
    from astroclip_astro.models.attention_maps import masked_spans

    stretches = masked_spans(model.config, hidden)  # (stretches, 2)
    if not len(stretches):
        raise InputError(
            f"Chunks of {chunk_width} tokens hide nothing, because neighbours show the same "
            "samples; pass a larger chunk_width."
        )
    return stretches


def _draw_masked(
    model: Model, found: ObjectSpectrum, row: int, hidden: np.ndarray, stretches: np.ndarray
) -> Figure:
    """Draw the spectrum of a row, and the reconstruction of its hidden stretches."""
    from astroclip_astro.figures.masked import masked_figure

    filled = model.reconstruct(found.flux[None], found.ivar[None], masked=hidden)[0]
    return masked_figure(
        found.flux,
        found.ivar,
        filled,
        stretches,
        redshift=found.redshift,
        title=f"Row {row}: hidden parts of its spectrum filled in, {_weights_words(model.card)}\n"
        f"{found.description}",
    )


def _weights_words(card: Card) -> str:
    """Return which weights these are, and what they were trained on."""
    simulated = card["training"].get("simulated")
    return f"weights {card['name']}" + (f", trained on {sample_name(True)}" if simulated else "")
