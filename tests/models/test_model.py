"""numpy in, unit vectors out, whatever the batch, and NaN where there is nothing."""

import numpy as np
import pytest

import astroclip_astro
from astroclip_astro.errors import InputError, OptionError, WeightsError


@pytest.fixture(scope="module")
def model():
    return astroclip_astro.load_model("compact", device="cpu")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(0.01, 0.02, (5, 3, 96, 96)).astype(np.float32)


@pytest.fixture(scope="module")
def spectra():
    return np.random.default_rng(2).normal(2, 1, (5, 7781)).astype(np.float32)


def check_unit_vectors(embeddings, count):
    assert embeddings.shape == (count, 128)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_images_become_unit_vectors(model, images):
    check_unit_vectors(model.embed_images(images), 5)


def test_spectra_become_unit_vectors(model, spectra):
    check_unit_vectors(model.embed_spectra(spectra), 5)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_batch_size_does_not_matter(model, images, spectra, batch_size):
    np.testing.assert_allclose(
        model.embed_images(images, batch_size=batch_size), model.embed_images(images), atol=1e-5
    )
    np.testing.assert_allclose(
        model.embed_spectra(spectra, batch_size=batch_size), model.embed_spectra(spectra), atol=1e-5
    )


def test_row_does_not_depend_on_its_company(model, images):
    assert np.array_equal(model.embed_images(images)[3], model.embed_images(images[3:4])[0])


def test_larger_image_is_cropped_around_its_centre(model, images):
    padded = np.pad(images, ((0, 0), (0, 0), (28, 28), (28, 28)), constant_values=5.0)
    assert np.array_equal(model.embed_images(padded), model.embed_images(images))


def test_smaller_image_is_refused(model):
    with pytest.raises(InputError, match=r"64.*96|96.*64"):
        model.embed_images(np.zeros((1, 3, 64, 64)))


@pytest.mark.parametrize("shape", [(3, 96, 96), (1, 4, 96, 96), (96, 96)])
def test_image_of_another_shape_is_refused(model, shape):
    with pytest.raises(InputError, match="expected"):
        model.embed_images(np.zeros(shape))


@pytest.mark.parametrize("shape", [(7781,), (1, 7780), (1, 1, 7781)])
def test_spectrum_of_another_shape_is_refused(model, shape):
    with pytest.raises(InputError, match="7781"):
        model.embed_spectra(np.zeros(shape))


@pytest.mark.parametrize("nothing", [0.0, np.nan, np.inf])
def test_spectrum_with_nothing_in_it_gives_nan(model, spectra, nothing):
    flux = spectra.copy()
    flux[1] = nothing
    embeddings = model.embed_spectra(flux)
    assert np.isnan(embeddings[1]).all()
    assert np.array_equal(np.delete(embeddings, 1, 0), model.embed_spectra(np.delete(flux, 1, 0)))


def test_spectrum_without_weight_gives_nan(model, spectra):
    ivar = np.ones_like(spectra)
    ivar[0] = 0
    assert np.isnan(model.embed_spectra(spectra, ivar)[:, 0]).tolist() == [True] + 4 * [False]


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_image_with_nothing_in_it_gives_nan(model, images, nothing):
    blank = images.copy()
    blank[2] = nothing
    assert np.isnan(model.embed_images(blank)[:, 0]).tolist() == [False, False, True, False, False]


def test_no_rows_give_no_embeddings(model):
    assert model.embed_images(np.zeros((0, 3, 96, 96))).shape == (0, 128)
    assert model.embed_spectra(np.zeros((0, 7781))).shape == (0, 128)


def test_inputs_are_not_changed(model, images, spectra):
    spoilt = spectra.copy()
    spoilt[0, :5] = np.nan
    before = spoilt.copy(), images.copy()
    model.embed_spectra(spoilt)
    model.embed_images(images)
    np.testing.assert_array_equal(spoilt, before[0])
    np.testing.assert_array_equal(images, before[1])


def test_bfloat16_is_close_to_float32(model, images, spectra):
    for embed, values in ((model.embed_images, images), (model.embed_spectra, spectra)):
        cosine = (embed(values) * embed(values, precision="bfloat16")).sum(1)
        assert (cosine > 0.99).all()


def test_big_endian_input_is_understood(model, spectra):
    assert np.array_equal(model.embed_spectra(spectra.astype(">f4")), model.embed_spectra(spectra))


@pytest.mark.parametrize(
    ("option", "match"),
    [
        ({"device": "tpu"}, "expected one of auto, cpu"),
        ({"precision": "float8"}, "expected one of auto, float32"),
        ({"batch_size": 0}, "at least 1"),
    ],
)
def test_impossible_options_are_refused(model, images, option, match):
    with pytest.raises(InputError, match=match):
        model.embed_images(images, **option)


def test_absent_gpu_says_what_to_do(model, images, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="use 'auto' or 'cpu'"):
        model.embed_images(images, device="cuda")


@pytest.mark.gpu
def test_gpu_gives_what_the_cpu_gives(model, images):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    np.testing.assert_allclose(
        model.embed_images(images, device="cuda", precision="float32"),
        model.embed_images(images),
        atol=1e-3,
    )


def test_unknown_weights_are_named():
    with pytest.raises(WeightsError, match="compact"):
        astroclip_astro.load_model("nothing")


def test_card_says_that_training_data_are_simulated(model):
    assert model.card["training"]["simulated"] is True
    assert "SIMULATED" in model.card["training"]["data"]


def test_masked_pixels_are_not_used(model, images):
    spoilt, blank = np.ma.masked_array(images.copy(), mask=False), images.copy()
    spoilt[0, :, 40, 40] = 1e4
    spoilt[0, :, 40, 40] = np.ma.masked
    blank[0, :, 40, 40] = 0
    assert np.array_equal(model.embed_images(spoilt), model.embed_images(blank))


def test_numbers_beyond_float32_are_no_data(model, images):
    assert np.isnan(model.embed_images(np.full((1, 3, 96, 96), 1e300))).all()


def test_text_is_refused(model):
    with pytest.raises(InputError, match="real numbers"):
        model.embed_images(np.full((1, 3, 96, 96), "a"))


@pytest.fixture
def tiny(tiny_weights):
    return astroclip_astro.load_model(tiny_weights, device="cpu")


def test_attention_sums_to_one_in_each_head(model, spectra):
    weights, spans = model.attention(spectra)
    assert weights.shape == (5, 4, model.config.tokens)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-5)
    assert (weights >= 0).all()
    assert spans.shape == (model.config.tokens, 2)
    assert np.isnan(spans[0]).all()
    assert spans[1, 0] == 3600


def test_attention_is_a_row_s_own(model, spectra):
    alone = model.attention(spectra[3:4])[0][0]
    assert np.array_equal(model.attention(spectra)[0][3], alone)
    assert not np.allclose(alone, model.attention(spectra[:1])[0][0])


def test_heads_are_told_apart(tiny, spectra):
    """The query of one head alone changes its weights, and those of no other head."""
    import torch

    before = tiny.attention(spectra)[0]
    with torch.no_grad():
        tiny.network.spectrum_head.cross_attention.multihead_attn.in_proj_bias[:32] += 1
    changed = np.abs(tiny.attention(spectra)[0] - before).max(axis=(0, 2))
    assert changed[0] > 1e-6
    np.testing.assert_allclose(changed[1:], 0, atol=1e-7)


def test_samples_without_data_are_not_looked_at(model, spectra):
    ivar = np.ones_like(spectra)
    ivar[:, 100:500] = 0
    spoilt = spectra.copy()
    spoilt[:, 100:500] = 99
    assert np.array_equal(model.attention(spectra, ivar)[0], model.attention(spoilt, ivar)[0])


def test_nothing_has_no_attention_and_no_filling(tiny, spectra):
    flux = spectra.copy()
    flux[1] = 0
    hidden = np.zeros(tiny.config.tokens, bool)
    for values in (tiny.attention(flux)[0], tiny.reconstruct(flux, masked=hidden)[:, :7000]):
        assert np.isnan(values.reshape(5, -1)).all(axis=1).tolist() == [False, True] + 3 * [False]
    assert tiny.attention(flux[:0])[0].shape == (0, 4, tiny.config.tokens)
    assert tiny.reconstruct(flux[:0], masked=hidden).shape == (0, 7781)


@pytest.fixture
def chunk(tiny):
    hidden = np.zeros(tiny.config.tokens, bool)
    hidden[20:26] = True
    return hidden


@pytest.mark.parametrize("masked", ["zeroed", "dropped"])
def test_filling_is_what_pretraining_did(tiny, spectra, chunk, masked):
    """The same tokens are hidden in the same way, and windows joined as they were cut."""
    import torch

    from astroclip_astro.models.masking import reconstruct

    tiny.card["training"]["stages"] = {"spectrum": {"masked": masked}}
    found = tiny.reconstruct(spectra, masked=chunk)
    assert found.dtype == np.float32
    encoder, mask = tiny.network.spectrum_encoder, torch.from_numpy(chunk).expand(5, -1)
    tokens = encoder.tokens(torch.from_numpy(spectra))
    if masked == "dropped":
        windows = reconstruct(encoder, tokens, mask)
    else:
        windows = encoder(tokens.masked_fill(mask[..., None], 0))
    windows = windows[:, 1:, 2:].numpy()  # (5, windows, window)
    mean, deviation = spectra.mean(1), spectra.std(1, ddof=1)
    size, step = tiny.config.window, tiny.config.window_step
    for sample in (0, 150, 2250, 5555):
        cover = [w for w in range(windows.shape[1]) if w * step <= sample < w * step + size]
        value = np.mean([windows[:, w, sample - w * step] for w in cover], axis=0)
        np.testing.assert_allclose(found[:, sample], value * deviation + mean, rtol=1e-4)
    end = step * (windows.shape[1] - 1) + size
    assert np.isfinite(found[:, :end]).all()
    assert np.isnan(found[:, end:]).all()


def test_ways_of_hiding_differ(tiny, spectra, chunk):
    zeroed = tiny.reconstruct(spectra, masked=chunk)
    tiny.card["training"]["stages"] = {"spectrum": {"masked": "dropped"}}
    assert np.abs(tiny.reconstruct(spectra, masked=chunk) - zeroed)[:, :7000].max() > 1e-4


def test_batch_size_does_not_matter_to_attention_and_filling(tiny, spectra, chunk):
    for batch_size in (1, 2, 8):
        np.testing.assert_allclose(
            tiny.attention(spectra, batch_size=batch_size)[0], tiny.attention(spectra)[0], atol=1e-6
        )
        np.testing.assert_allclose(
            tiny.reconstruct(spectra, masked=chunk, batch_size=batch_size),
            tiny.reconstruct(spectra, masked=chunk),
            atol=1e-5,
        )


def test_aligned_weights_do_not_fill(model, spectra):
    with pytest.raises(WeightsError, match="compact cannot fill in"):
        model.reconstruct(spectra, masked=np.zeros(model.config.tokens, bool))


@pytest.mark.parametrize(
    "hidden", [np.zeros(77), np.zeros(76, bool), np.zeros((1, 77), bool), np.ones(77, bool)]
)
def test_impossible_masks_are_refused(tiny, spectra, hidden):
    assert tiny.config.tokens == 77
    with pytest.raises(InputError, match=r"expected bool \(77,\)"):
        tiny.reconstruct(spectra, masked=hidden)


@pytest.mark.parametrize("method", ["embed_images", "embed_spectra", "attention", "reconstruct"])
def test_wrong_option_names_the_nearest(model, method):
    with pytest.raises(OptionError, match=rf"{method}\(\) has no option 'batchsize'; .*batch_size"):
        getattr(model, method)(np.zeros((1, 7781)), batchsize=3)


@pytest.mark.parametrize("size", [0, -1, "3", 2.5, None])
def test_batch_size_that_is_none_is_refused(model, size):
    with pytest.raises(InputError, match=r"batch_size is .*whole number of at least 1"):
        model.embed_spectra(np.zeros((1, 7781)), batch_size=size)
