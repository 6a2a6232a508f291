"""The shortcut of narrow networks, whose usual kernel writes beyond its memory on some processors.

oneDNN chooses its kernels by the instructions of the processor. ``ONEDNN_MAX_CPU_ISA=AVX2`` makes
it choose those of a processor without AVX-512. Each attempt has a process of its own: a crash or an
endless loop is then a failed test and not the end of all of them.
"""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from waiting import HANGS

from astroclip_astro.models.image_encoder import SampledConvolution, shortcut

LAYERS = """
import torch
from astroclip_astro.models.image_encoder import shortcut

torch.set_num_threads(1)
for channels in range(1, 9):
    layer = shortcut(channels, 2 * channels, 2).to(memory_format=torch.channels_last)
    for size in [14] * 200 + [13] * 20:
        images = torch.randn(8, channels, size, size).to(memory_format=torch.channels_last)
        layer(images.requires_grad_()).square().sum().backward()
print("finished")
"""

STEPS = """
from dataclasses import replace
import torch
from training_stub import TINY
from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.train.runner import KINDS
from astroclip_astro.train.loop import optimiser_of

torch.set_num_threads(1)
for block, width in (("basic", 4), ("bottleneck", 1)):
    sizes = replace(TINY.model, image_block=block, image_width=width, image_size=32)
    stage = KINDS["image"](AstroCLIP(sizes), TINY.image).to(memory_format=torch.channels_last)
    optimiser, numbers = optimiser_of(stage), torch.Generator().manual_seed(0)
    for _ in range(8):
        batch = stage.sample_random_numbers(8, numbers) | {"images": torch.rand(8, 3, 40, 40)}
        loss = stage(batch)["loss"]
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        stage.after_step()
    assert loss.isfinite()
print("finished")
"""


def in_its_own_process(code, instructions):
    """Run Python code with oneDNN held to some instructions; fail where it does not finish."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    if instructions:
        environment["ONEDNN_MAX_CPU_ISA"] = instructions
    found = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "finished\n"), found.stderr


processors = pytest.mark.parametrize(
    "instructions",
    [pytest.param("", id="as it is"), pytest.param("AVX2", id="AVX2", marks=pytest.mark.slow)],
)


@processors
def test_backward_pass_stays_in_its_memory(instructions):
    in_its_own_process(LAYERS, instructions)


@processors
def test_narrow_networks_can_be_trained(instructions):
    """Both kinds of blocks."""
    in_its_own_process(STEPS, instructions)


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
@pytest.mark.parametrize("size", [12, 13])
def test_values_and_names_are_those_of_a_strided_convolution(channels, size):
    torch.manual_seed(0)
    layer, _ = shortcut(channels, 8, 2)
    usual = nn.Conv2d(channels, 8, 1, stride=2, bias=False)
    usual.load_state_dict(layer.state_dict())
    images = torch.randn(3, channels, size, size)  # contiguous: the usual kernel is right there
    assert torch.allclose(layer(images), usual(images), rtol=1e-5, atol=1e-6)
    slopes = [
        torch.autograd.grad(one(images.requires_grad_()).square().sum(), [images, one.weight])
        for one in (layer, usual)
    ]
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(*slopes, strict=True))


@pytest.mark.parametrize(("channels", "kind"), [(7, SampledConvolution), (8, nn.Conv2d)])
def test_wide_networks_keep_the_usual_layer(channels, kind):
    """Those that are published and bundled among them, so that no value of theirs changes."""
    layer, _ = shortcut(channels, 16, 2)
    assert type(layer) is kind
