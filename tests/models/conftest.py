"""A network small enough to build in every test."""

from dataclasses import replace

import pytest
import torch

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import COMPACT

TINY = replace(
    COMPACT,
    name="tiny",
    image_size=32,
    image_width=4,
    image_blocks=(1, 1, 1, 1),
    spectrum_width=16,
    spectrum_layers=1,
    spectrum_heads=2,
    head_hidden=16,
)


@pytest.fixture
def tiny() -> AstroCLIP:
    torch.manual_seed(1)
    return AstroCLIP(TINY).eval()
