"""What the encoders knew before they were aligned: vectors below the layers that align them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from astroclip_astro.errors import WeightsError
from astroclip_astro.models.model import Model, load_model

STAGES = ("image", "spectrum")  # of pretraining, as astroclip-train calls them


def load_pretrained(
    names: Sequence[str | os.PathLike], *, device: str = "auto", precision: str = "auto"
) -> dict[str, Model]:
    """Load weights of the stages before alignment.

    Parameters
    ----------
    names : sequence of str or path
        Folders of runs of one stage or of all, or ``.safetensors`` files.
    device, precision : str
        As `astroclip_astro.models.model.load_model`.

    Returns
    -------
    dict of str to Model
        ``image`` and ``spectrum``, whichever the cards say were trained.

    Raises
    ------
    WeightsError
        For weights that have been aligned, that no stage has trained, or that come twice.
    """
    models: dict[str, Model] = {}
    for name in (stage for given in names for stage in stage_folders(given)):
        model = load_model(name, device=device, precision=precision)
        stages = model.card["training"].get("stages", {})
        trained = [stage for stage in STAGES if stage in stages]
        if "align" in stages:
            raise WeightsError(
                f"Weights {name} have been aligned, expected those of a stage before; pass the "
                "folder of a run of astroclip-train image or spectrum."
            )
        if not trained:
            raise WeightsError(
                f"The card of {name} says of no stage image or spectrum that it was trained, only "
                f"of {', '.join(stages) or 'none'}; pass the folder of a run of astroclip-train."
            )
        for stage in trained:
            if stage in models:
                raise WeightsError(
                    f"Both {models[stage].card['name']} and {name} have a trained {stage} "
                    "encoder; pass one of them."
                )
            models[stage] = model
    return models


def stage_folders(name: str | os.PathLike) -> list[str | os.PathLike]:
    """Return the folders of pretraining in a run of all stages, or the name itself."""
    folders = [Path(name) / stage for stage in STAGES]
    return [one for one in folders if (one / "weights.safetensors").is_file()] or [name]
