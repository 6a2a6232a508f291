"""The spectrum transformer and its head reproduce the reference instance to 1e-5."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from astroclip_astro.models.configuration import FULL
from astroclip_astro.models.spectrum_encoder import SpectrumHead, SpectrumTransformer, tokenise
from astroclip_astro.train.contrastive import infonce
from astroclip_astro.train.masked import masked_loss

SMALL = replace(
    FULL,
    spectrum_width=64,
    spectrum_layers=2,
    spectrum_heads=4,
    embedding_width=32,
    head_hidden=128,
)


@pytest.fixture(scope="module")
def instance(reference_instance):
    with np.load(reference_instance / "specformer_small.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def results(instance):
    """What our small transformer and head make of the reference spectra."""

    def weights(prefix):
        return {
            name.removeprefix(prefix): torch.from_numpy(values)
            for name, values in instance.items()
            if name.startswith(prefix)
        }

    transformer, head = SpectrumTransformer(SMALL).eval(), SpectrumHead(SMALL).eval()
    transformer.load_state_dict(weights("specformer/"))
    head.load_state_dict(weights("head/"))
    with torch.inference_mode():
        tokens = transformer.tokens(torch.from_numpy(instance["in/spectrum"]))
        embedded = transformer.embed(tokens)
        pooled, attention = head(embedded)
        crossed, _ = head.cross_attention(embedded)
        mask = torch.from_numpy(instance["mask/masked_token_index_seed123"])
        filled = transformer(tokens.masked_fill(mask[..., None], 0))
        return {
            "out/tokens": tokens[:, ::7],
            "out/tokens_first3": tokens[:, :3],
            "out/tokens_last": tokens[:, -1],
            "out/embedding_every7": embedded[:, ::7],
            "out/embedding_mean": embedded.mean(1),
            "out/reconstructions_every7": transformer(tokens)[:, ::7],
            "out/cross_attention": crossed,
            "out/head": pooled,
            "out/attn_weights_every7": attention[..., ::7],
            "mask/loss": masked_loss(filled, tokens, mask),
        }


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    [
        "out/tokens",
        "out/tokens_first3",
        "out/tokens_last",
        "out/embedding_every7",
        "out/embedding_mean",
        "out/reconstructions_every7",
        "out/cross_attention",
        "out/head",
        "out/attn_weights_every7",
        "mask/loss",
    ],
)
def test_reference_instance_is_reproduced(instance, results, name):
    np.testing.assert_allclose(results[name].numpy(), instance[name], rtol=0, atol=1e-5)


@pytest.mark.real_data
def test_contrastive_loss_is_reproduced(instance):
    images, spectra = (torch.from_numpy(instance[f"clip/{name}"]) for name in ("img", "spec"))
    assert infonce(images, spectra).item() == pytest.approx(
        float(instance["clip/loss_scale15.5"]), abs=1e-5
    )


def test_first_token_holds_mean_and_deviation():
    flux = torch.linspace(0, 10, 7781)[None]
    token = tokenise(flux)[0, 0]
    assert token[0].item() == pytest.approx((5 - 2) / 2, abs=1e-4)
    assert token[1].item() == pytest.approx((flux.std().item() - 2) / 8, abs=1e-5)
    assert not token[2:].any()


def test_deviation_is_floored():
    tokens = tokenise(torch.full((1, 7781), 3.0))
    assert tokens[0, 0, 1].item() == pytest.approx((0.2 - 2) / 8)
    assert torch.isfinite(tokens).all()


def test_initial_weights_have_the_published_spread():
    torch.manual_seed(3)
    model = SpectrumTransformer(replace(FULL, spectrum_width=384, spectrum_layers=2))
    block = model.blocks[0]
    for weight, expected in [
        (block.attention.attention.weight, (2 * 384 * 2) ** -0.5),
        (block.mlp.decoder.weight, (2 * 1536 * 2) ** -0.5),
        (model.head.weight, 384**-0.5),
        (model.position_embed.weight, 0.9866 * 384**-0.5),  # cut at three sigma
    ]:
        assert weight.std().item() == pytest.approx(expected, rel=0.02)
    assert model.position_embed.weight.abs().max().item() <= 3 * 384**-0.5
    assert not block.attention.attention.bias.any()
