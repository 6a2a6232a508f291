"""Weights are read only when file and card agree in every name, shape and bit."""

import json
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from safetensors.torch import load_file, save_file

from astroclip_astro.errors import WeightsError
from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.card import bundled, sha256
from astroclip_astro.models.card_fields import card_sha256
from astroclip_astro.models.checkpoint import load_weights, save_weights, shapes_only

CARD = {"name": "tiny", "training": {"simulated": True}, "scores": {}}


@pytest.fixture
def weights(tiny, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_weights(tiny, path, CARD)
    return path


def rewrite(path, change):
    """Change the tensors of a weights file and make its card's checksum fit again."""
    state = load_file(path)
    change(state)
    save_file(state, path)
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = sha256(path)
    card["card_sha256"] = card_sha256(card)
    path.with_suffix(".json").write_text(json.dumps(card))


def test_weights_come_back_as_they_were(tiny, weights):
    model, card = load_weights(weights)
    assert card["name"] == "tiny"
    assert card["recipe"]["image"]["stretch"] == "asinh"
    for name, tensor in tiny.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_loaded_model_is_ready_for_inference(weights):
    model, _ = load_weights(weights)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_half_precision_file_is_smaller_and_close(tiny, tmp_path, weights):
    path = tmp_path / "half.safetensors"
    save_weights(tiny, path, CARD, half=True)
    assert path.stat().st_size < 0.6 * weights.stat().st_size
    model, _ = load_weights(path)
    for name, tensor in tiny.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, rtol=1e-3, atol=1e-6)


def test_unknown_name_lists_the_bundled_ones():
    with pytest.raises(WeightsError, match=r"Unknown weights 'huge'.*compact"):
        load_weights("huge")


def test_bundled_weights_are_found():
    assert "compact" in bundled()


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ""])
def test_pickled_checkpoint_is_refused(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    torch.save({"state_dict": {}}, path)
    with pytest.raises(WeightsError, match="safetensors"):
        load_weights(path)


def test_missing_card_is_named(weights):
    weights.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"No card tiny\.json"):
        load_weights(weights)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "null"])
def test_damaged_card_is_refused(weights, text):
    weights.with_suffix(".json").write_text(text)
    with pytest.raises(WeightsError, match="Card"):
        load_weights(weights)


def test_card_of_a_later_format_is_refused(weights):
    card = json.loads(weights.with_suffix(".json").read_text())
    weights.with_suffix(".json").write_text(json.dumps(card | {"format": 99}))
    with pytest.raises(WeightsError, match="format 99, expected 1"):
        load_weights(weights)


def test_missing_tensor_is_named(weights):
    rewrite(weights, lambda state: state.pop("spectrum_encoder.head.bias"))
    with pytest.raises(WeightsError, match=r"missing \['spectrum_encoder.head.bias'\]"):
        load_weights(weights)


def test_extra_tensor_is_refused(weights):
    rewrite(weights, lambda state: state.update(surprise=torch.zeros(1)))
    with pytest.raises(WeightsError, match=r"unexpected \['surprise'\]"):
        load_weights(weights)


def test_wrong_shape_is_named(weights):
    rewrite(weights, lambda state: state.update({"spectrum_encoder.head.bias": torch.zeros(3)}))
    with pytest.raises(WeightsError, match=r"head.bias has shape \(3,\), expected \(82,\)"):
        load_weights(weights)


def test_wrong_number_format_is_refused(weights):
    def change(state):
        state["spectrum_encoder.head.bias"] = torch.zeros(82, dtype=torch.int32)

    rewrite(weights, change)
    with pytest.raises(WeightsError, match="int32"):
        load_weights(weights)


def test_numbers_not_finite_are_refused(weights):
    rewrite(weights, lambda state: state["spectrum_encoder.head.bias"].fill_(float("nan")))
    with pytest.raises(WeightsError, match="not finite"):
        load_weights(weights)


def test_changed_bit_is_noticed(weights):
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(WeightsError, match="SHA-256"):
        load_weights(weights)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=200))
def test_any_damaged_file_is_one_clear_error(weights, content):
    weights.write_bytes(content)
    with pytest.raises(WeightsError):
        load_weights(weights)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(share=st.floats(0, 0.999))
def test_any_truncated_file_is_one_clear_error(tiny, tmp_path, share):
    path = tmp_path / "cut.safetensors"
    save_weights(tiny, path, CARD)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError):
        load_weights(path)


def test_loading_does_not_import_the_compiler_of_torch():
    code = (
        "import sys\n"
        "from astroclip_astro.models.model import load_model\n"
        "load_model('compact', device='cpu')\n"
        "compiler = {'torch._dynamo', 'torch._inductor', 'sympy'} & set(sys.modules)\n"
        "assert not compiler, compiler\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_shapes_only_are_those_of_a_network_with_values():
    config = load_weights("compact")[0].config
    with shapes_only():
        hollow = AstroCLIP(config).state_dict()
    whole = AstroCLIP(config).state_dict()
    assert {name: tensor.shape for name, tensor in hollow.items()} == {
        name: tensor.shape for name, tensor in whole.items()
    }
    assert {tensor.device.type for tensor in hollow.values()} == {"meta"}
