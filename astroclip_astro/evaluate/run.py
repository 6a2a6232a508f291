"""From galaxies with images and spectra, or photometry, to a report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from astroclip_astro.config import DEVICE, PRECISION, WEIGHTS
from astroclip_astro.errors import InputError
from astroclip_astro.records import sample_name
from astroclip_astro.training_data.split import HoldOut
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astroclip_astro.evaluate.report import Report
    from astroclip_astro.models.model import Model
    from astroclip_astro.reference.labelled_file import LabelledFile
    from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies

__all__ = ["EvaluationOptions", "evaluate_embeddings", "evaluate_photometry"]


@dataclass(frozen=True)
class EvaluationOptions:
    """How galaxies are evaluated.

    Parameters
    ----------
    holdout : HoldOut
        Which galaxies are held out and evaluated on.
    weights : str or Path
        Bundled name, file, or folder of a training run.
    pretrained : tuple of str
        Weights of the encoders before alignment, which are evaluated too.
    ood_objects : int
        Out-of-distribution objects of each kind that are simulated, 0 for none.
    objects : Path, optional
        Table with spectra of other objects.
    losses : tuple of Path
        Training runs whose losses are drawn.
    figures : bool
        Whether figures are drawn.
    resamples : int
        Of the bootstrap.
    device, precision : str
        Where and in what number format to compute.
    batch_size : int
        Galaxies embedded at once.
    """

    holdout: HoldOut = field(default_factory=lambda: HoldOut(0.05))
    weights: str | Path = WEIGHTS
    pretrained: tuple[str, ...] = ()
    ood_objects: int = 0
    objects: Path | None = None
    losses: tuple[Path, ...] = ()
    figures: bool = True
    resamples: int = 1000
    device: str = DEVICE
    precision: str = PRECISION
    batch_size: int = 32

    @property
    def bootstrap(self) -> dict[str, int]:
        """Seed and number of the bootstrap's resamples."""
        return {"seed": self.holdout.seed, "resamples": self.resamples}

    @property
    def description(self) -> dict[str, str]:
        """What a report says of how it was made."""
        out = self.holdout
        return {
            "held out": f"{out.fraction:g} of the galaxies, by {out.by}, seed {out.seed}",
            "version": f"astroclip-astro {__version__}",
        }


@dataclass(frozen=True)
class _Sample:
    """What is evaluated: galaxies on both sides, and objects that are none."""

    labelled: LabelledFile
    model: Model
    pretrained: dict[str, Model]
    sides: tuple[EmbeddedGalaxies, EmbeddedGalaxies]
    objects: dict[str, EmbeddedGalaxies]


def evaluate_embeddings(
    data: str | Path, options: EvaluationOptions | None = None, *, quiet: bool = True
) -> Report:
    """Evaluate embeddings of labelled galaxies: predictions, retrieval, errors and novelty.

    Parameters
    ----------
    data : str or path
        HDF5 file with the datasets ``images``, ``spectrum``, ``redshift`` and
        ``log_stellar_mass``, one galaxy a row, and ``flux`` for the comparison with photometry.
    options : EvaluationOptions, optional
        What is evaluated, and with how many bootstrap samples and held-out galaxies.
    quiet : bool
        Whether to show no progress.

    Returns
    -------
    Report
        To be written with `astroclip_astro.evaluate.report_files.write_report`.

    Raises
    ------
    InputError
        For a file, weights, fraction or table that cannot be used.
    """
    from astroclip_astro.evaluate.figures import check_drawable
    from astroclip_astro.evaluate.losses import loss_figures

    data, options = Path(data), options or EvaluationOptions()
    if options.figures:
        check_drawable()
    elif options.losses:
        raise InputError("--losses has no effect with --no-figures; leave it out.")
    _check_holdout(options)
    losses = loss_figures(options.losses) if options.figures else {}
    sample = _sample(data, options, quiet=quiet)
    report = _make_report(
        sample.sides,
        data.name,
        sample.labelled.simulated,
        _describe(data, sample, options) | options.description,
        options,
        quiet=quiet,
    )
    sections, predicted, drawn = _further_sections(report, sample, options)
    return replace(report, sections=sections, predicted=predicted, figures=losses | drawn)


def evaluate_photometry(
    path: str | Path,
    options: EvaluationOptions | None = None,
    *,
    columns: dict[str, str] | None = None,
    unit: str = "auto",
    quiet: bool = True,
) -> Report:
    """Evaluate photometry alone: how well fluxes or magnitudes predict redshift and mass.

    Parameters
    ----------
    path : str or path
        Table of fluxes or magnitudes in g, r and z, with redshift and log_stellar_mass.
    options : EvaluationOptions, optional
        Of which ``holdout`` and ``resamples`` count.
    columns : dict of str to str, optional
        Names of the columns that are not found by their usual names.
    unit : {"auto", "nanomaggy", "mag"}
        What the columns of photometry hold.
    quiet : bool
        Whether to show no progress.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        For a table, column or fraction that cannot be used.
    """
    from astroclip_astro.evaluate.photometry_table import read_photometry, split_photometry

    path, options = Path(path), options or EvaluationOptions()
    _check_holdout(options)
    table = read_photometry(path, columns=columns or {}, unit=unit)
    description = {"data": path.name, "columns": table.description} | options.description
    sides = split_photometry(table, options.holdout)
    return _make_report(sides, path.name, table.simulated, description, options, quiet=quiet)


def _check_holdout(options: EvaluationOptions) -> None:
    """Refuse to evaluate on nothing."""
    if not options.holdout.fraction:
        raise InputError(
            "--holdout is 0, expected a fraction of the galaxies to evaluate on, such as 0.05."
        )


def _sample(data: Path, options: EvaluationOptions, *, quiet: bool) -> _Sample:
    """Embed the galaxies on both sides, and the objects that novelty is tested with."""
    from astroclip_astro.evaluate.samples import (
        sample_galaxies,
        sample_objects_of_table,
        sample_simulated_objects,
    )
    from astroclip_astro.models.card import check_aligned
    from astroclip_astro.models.model import load_model  # torch is loaded here
    from astroclip_astro.models.pretrained import load_pretrained
    from astroclip_astro.reference.labelled_file import open_labelled_file, split_galaxies
    from astroclip_astro.simulate import KINDS

    labelled = open_labelled_file(data)
    split = split_galaxies(labelled, options.holdout)
    place = {"device": options.device, "precision": options.precision}
    model = load_model(options.weights, **place)
    check_aligned(model.card)
    pretrained = load_pretrained(options.pretrained, **place)
    batches: dict[str, Any] = {"batch_size": options.batch_size}
    given: dict[str, EmbeddedGalaxies] = {}
    objects: dict[str, EmbeddedGalaxies] = {}
    if options.objects is not None:
        given = sample_objects_of_table(options.objects, model, **batches)
    total = (len(split.reference) + len(split.test)) * (1 + len(pretrained))
    total += options.ood_objects * len(KINDS)
    with tqdm(total=total, unit="galaxy", disable=quiet, dynamic_ncols=True) as bar:
        batches["advance"] = bar.update
        if options.ood_objects:  # first: what simulating lacks is found out within seconds
            objects = sample_simulated_objects(
                options.ood_objects, model, seed=options.holdout.seed, **batches
            )
        reference, test = (
            sample_galaxies(labelled, rows, model, pretrained, **batches)
            for rows in (split.reference, split.test)
        )
    if options.objects is not None:
        for kind, some in given.items():
            objects[f"{kind} of {options.objects.name}" if kind in objects else kind] = some
    return _Sample(labelled, model, pretrained, (reference, test), objects)


def _describe(data: Path, sample: _Sample, options: EvaluationOptions) -> dict[str, str]:
    """Return what a report says of the data and the weights."""
    from astroclip_astro.evaluate.samples import describe_weights

    description = {"data": data.name, "weights": describe_weights(sample.model)}
    if options.objects is not None:
        description["objects"] = options.objects.name
    if sample.pretrained:
        description["before alignment"] = "; ".join(
            f"{name}: {describe_weights(one)}" for name, one in sample.pretrained.items()
        )
    return description


def _further_sections(
    report: Report, sample: _Sample, options: EvaluationOptions
) -> tuple[dict, dict, dict]:
    """Return all sections with those on errors and novelty, the predictions, and the figures."""
    from astroclip_astro.evaluate.coverage import (
        coverage,
        coverage_bins,
        make_estimators,
        predict_labels,
    )
    from astroclip_astro.evaluate.figures import all_figures
    from astroclip_astro.evaluate.ood import novelties, novelty_areas

    table, test = report.table, report.table.test
    estimators = make_estimators(table.reference, sample.labelled.simulated)
    predicted = predict_labels(estimators, test)
    sections = dict(report.sections) | {"coverage": coverage(predicted, test, **options.bootstrap)}
    if bins := coverage_bins(predicted, test, **options.bootstrap):
        sections["coverage_bins"] = bins
    novelty = None
    if sample.objects:
        in_distribution = novelties(estimators, test.select("image", "spectrum"))
        found = {kind: novelties(estimators, some) for kind, some in sample.objects.items()}
        sections["novelty"] = novelty_areas(in_distribution, found, **options.bootstrap)
        novelty = in_distribution, found
    drawn = {}
    if options.figures:
        report = replace(report, sections=sections, predicted=predicted)
        drawn = all_figures(
            report,
            sample.labelled,
            sample.model,
            sample.pretrained,
            novelty=novelty,
            seed=options.holdout.seed,
        )
    return sections, predicted, drawn


def _make_report(
    sides: tuple[EmbeddedGalaxies, EmbeddedGalaxies],
    source: str,
    simulated: bool | None,
    description: dict[str, str],
    options: EvaluationOptions,
    *,
    quiet: bool,
) -> Report:
    """Return the report on reference galaxies and held-out galaxies."""
    from astroclip_astro.evaluate.report import Report
    from astroclip_astro.evaluate.table import evaluate_rows, present_rows, retrieval

    reference, test = sides
    rows = present_rows(reference)
    with tqdm(total=len(rows), unit="row", disable=quiet, dynamic_ncols=True) as bar:
        table = evaluate_rows(
            reference, test, **options.bootstrap, advance=lambda name: bar.update()
        )
    found = retrieval(table.test, **options.bootstrap)
    name = sample_name(simulated)
    description = description | {
        "learned from": f"{len(table.reference):,} {name}",
        "evaluated with": f"{len(table.test):,} {name} held out",
    }
    return Report(
        title=f"Evaluation on the {name} of {source}",
        run_metadata=description,
        simulated=simulated,
        table=table,
        sections={"retrieval": found} if found else {},
    )
