"""Bad input names the argument, its value and what is allowed."""

import numpy as np
import pytest
import torch

from collapse import _checks, _device


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: _checks.nonnegative("ridge", -0.1), r"ridge must be >= 0, got -0\.1"),
        (lambda: _checks.positive("scale", 0), r"scale must be > 0, got 0\.0"),
        (lambda: _checks.real("noise", [1.0, np.nan]), r"noise must be finite, got nan"),
        (lambda: _checks.real("noise", np.inf), r"noise must be finite, got inf"),
        (lambda: _checks.real("noise", "loud"), r"noise must be a real number .* got 'loud'"),
        (lambda: _checks.real("noise", 1j), r"noise must be a real number"),
        (lambda: _checks.real("T", []), r"T must not be empty"),
        (lambda: _checks.real("T", torch.tensor([1])), r"T must be a floating-point tensor"),
        (lambda: _checks.real("T", torch.tensor([np.nan])), r"T must be finite, got nan"),
        (lambda: _checks.counts("n", [1, 1.5]), r"n must be a whole number, got 1\.5"),
        (lambda: _checks.count("n", 0), r"n must be >= 1, got 0\.0"),
        (lambda: _checks.count("n", [1, 2]), r"n must be a single whole number, got shape \(2,\)"),
        (lambda: _checks.scalar("noise", [1.0, 2.0]), r"noise must be a single number, got shape \(2,\)"),
        (lambda: _checks.between("share", 1.5, 0, 1), r"share must be between 0 and 1, got 1\.5"),
        (lambda: _checks.vector("signal", [[1.0]]), r"signal must be one-dimensional, got shape \(1, 1\)"),
        (lambda: _checks.vector("signal", [1.0], 2), r"signal must be of shape \(2,\), got shape \(1,\)"),
        (lambda: _checks.choice("order", 3, (1, 2)), r"order must be one of 1, 2, got 3"),
        (lambda: _checks.grid(T=np.ones(2), ridge=np.ones(3)), r"T, ridge must broadcast together"),
        (lambda: _device.resolve("tpu"), r"device must be one of 'auto', 'cpu', 'cuda', got 'tpu'"),
        (lambda: _device.Stream(-1), r"seed must be >= 0, got -1"),
    ],
)
def test_message_names_argument_value_and_range(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_huge_grid_is_refused_before_it_is_made():
    wide = np.broadcast_to(1.0, (10**6, 1))
    with pytest.raises(ValueError, match="T, ridge must span at most 1e"):
        _checks.grid(T=wide, ridge=wide.T)


def test_tensors_keep_their_gradient():
    x = torch.tensor([0.5], requires_grad=True, dtype=torch.float64)
    assert _checks.positive("x", x) is x


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_is_refused_where_there_is_none():
    assert _device.resolve("auto") == "cpu"
    with pytest.raises(ValueError, match="device must be 'cpu' or 'auto' on a machine without CUDA"):
        _device.resolve("cuda")


def test_a_spawned_stream_does_not_repeat_its_parent():
    parent = _device.Stream(3)
    draws = [parent.normal((1000,)), *(child.normal((1000,)) for child in parent.spawn(2))]
    for i in range(3):
        for j in range(i):
            # Correlation of 1000 independent pairs has standard error 0.032; allow five.
            assert abs(torch.corrcoef(torch.stack([draws[i], draws[j]]))[0, 1]) < 0.16
    assert torch.equal(draws[0], _device.Stream(3).normal((1000,)))
