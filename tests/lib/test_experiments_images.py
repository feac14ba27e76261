"""Pictures of digits: their shapes and ranges, and what is said when they cannot be had."""

import sys

import numpy as np
import pytest

from collapse.experiments import images


def test_digits_are_grey_levels_with_their_labels():
    pixels, labels = images.digits()
    assert pixels.shape == (1797, 64) and labels.shape == (1797,)
    assert pixels.dtype == np.float64 and labels.dtype.kind == "i"
    assert pixels.min() == 0 and pixels.max() == 1
    assert set(labels) == set(range(10))
    # The classes are about equally frequent, and a digit looks most like one of its own class.
    assert np.bincount(labels).min() > 150
    distance = ((pixels[:300, None] - pixels[None, :300]) ** 2).sum(-1) + 1e9 * np.eye(300)
    assert (labels[distance.argmin(1)] == labels[:300]).mean() > 0.9


def fetched(monkeypatch):
    """scikit-learn's fetch, replaced by one that needs no network; returns what it was asked for."""
    asked = []

    def fetch(name, **options):
        asked.append((name, options))
        return np.arange(40.0).reshape(20, 2) * 255, np.arange(20).astype(str)

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    return asked


def test_mnist_is_a_random_subset(monkeypatch):
    asked = fetched(monkeypatch)
    pixels, labels = images.mnist(12, seed=1)
    assert asked == [("mnist_784", {"version": 1, "as_frame": False, "return_X_y": True})]
    assert pixels.shape == (12, 2) and len(set(labels)) == 12 and labels.dtype.kind == "i"
    np.testing.assert_array_equal(pixels[:, 0], 2 * labels)  # rows and labels stay together
    again = images.mnist(12, seed=1)
    np.testing.assert_array_equal(again[1], labels)
    assert (images.mnist(12, seed=2)[1] != labels).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size must be between 1 and 70000, got 0.0"),
        ({"size": 70_001}, "size must be between 1 and 70000, got 70001.0"),
        ({"size": 2.5}, "size must be a whole number, got 2.5"),
        ({"size": 10, "seed": -1}, "seed must be >= 0, got -1.0"),
    ],
)
def test_bad_arguments_are_refused_before_the_network_is_asked(monkeypatch, arguments, message):
    asked = fetched(monkeypatch)
    with pytest.raises(ValueError, match=message):
        images.mnist(**arguments)
    assert not asked


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for load in (images.digits, images.mnist):
        with pytest.raises(ImportError, match="pip install scikit-learn"):
            load()
