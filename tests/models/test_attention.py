"""Attention gives the same answer by either of its two ways."""

import pytest
import torch
from torch.nn import functional

from astroclip_astro.models.layers import attend

SHAPE = (2, 3, 17, 8)  # batch, heads, tokens, width


@pytest.fixture
def queries_keys_values():
    """Three tensors of bfloat16 that want gradients."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(SHAPE, generator=generator).bfloat16().requires_grad_() for _ in range(3)]


def exact(tensors):
    """Attention in float64."""
    return functional.scaled_dot_product_attention(*(one.detach().double() for one in tensors))


def test_training_on_a_cpu_in_bfloat16_attends_as_elsewhere(queries_keys_values):
    found = attend(*queries_keys_values)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), exact(queries_keys_values), rtol=0, atol=0.03)


def test_gradients_are_those_of_exact_attention(queries_keys_values):
    attend(*queries_keys_values).float().square().sum().backward()
    precise = [one.detach().double().requires_grad_() for one in queries_keys_values]
    functional.scaled_dot_product_attention(*precise).square().sum().backward()
    for ours, theirs in zip(queries_keys_values, precise, strict=True):
        torch.testing.assert_close(ours.grad.double(), theirs.grad, rtol=0.05, atol=0.1)


def test_float32_is_the_fused_kernel_to_the_last_bit(queries_keys_values):
    plain = [one.detach().float().requires_grad_() for one in queries_keys_values]
    assert torch.equal(attend(*plain), functional.scaled_dot_product_attention(*plain))
