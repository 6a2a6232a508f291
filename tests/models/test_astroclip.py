"""The networks are the published ones: parameter counts, names, shapes, and a batch of one."""

import json

import pytest
import torch

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import COMPACT, FULL


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope="module")
def full():
    with torch.device("meta"):
        return AstroCLIP(FULL)


def test_spectrum_transformer_has_the_published_size(full):
    assert parameters(full.spectrum_encoder) == 43_177_750


def test_spectrum_head_has_the_published_size(full):
    assert parameters(full.spectrum_head) == 361_984


def test_image_encoder_has_the_published_size(full):
    assert parameters(full.image_encoder) == 27_966_656
    assert parameters(full.image_encoder.fc) == 4_458_624


def shapes(module):
    return {name: list(tensor.shape) for name, tensor in module.state_dict().items()}


@pytest.mark.real_data
def test_spectrum_transformer_has_the_published_names(full, reference_instance):
    text = (reference_instance / "specformer_full_keys.json").read_text()
    published = {name: shape for name, shape, _ in json.loads(text)["state_dict"]}
    assert shapes(full.spectrum_encoder) == published


@pytest.mark.real_data
def test_image_encoder_has_the_published_names(full, reference_instance):
    text = (reference_instance / "stein_resnet50_keys.json").read_text()
    published = {
        name.removeprefix("encoder_q."): shape
        for name, shape, _ in json.loads(text)["state_dict"]
        if name.startswith("encoder_q.")
    }
    assert shapes(full.image_encoder) == published


@pytest.mark.parametrize("which", ["embed_images", "embed_spectra"])
def test_batch_of_one_equals_batch_of_eight(which):
    torch.manual_seed(0)
    model = AstroCLIP(COMPACT).eval()
    inputs = torch.randn(8, 3, 96, 96) if which == "embed_images" else torch.randn(8, 7781)
    with torch.inference_mode():
        together = getattr(model, which)(inputs)
        alone = torch.cat([getattr(model, which)(row[None]) for row in inputs])
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5)


def test_embeddings_are_unit_vectors(tiny):
    with torch.inference_mode():
        images, spectra = tiny(torch.randn(3, 3, 32, 32), torch.randn(3, 7781))
    torch.testing.assert_close(images.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(spectra.norm(dim=1), torch.ones(3))


@pytest.mark.slow
def test_full_size_runs_on_one_galaxy():
    model = AstroCLIP(FULL).eval()
    with torch.inference_mode():
        images, spectra = model(torch.randn(1, 3, 96, 96), torch.randn(1, 7781))
    assert images.shape == spectra.shape == (1, 128)
    assert torch.isfinite(images).all()
    assert torch.isfinite(spectra).all()
