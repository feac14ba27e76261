"""Standard errors, z-scores, and the limit at which a check fails."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from collapse import Agreement, Estimate, estimates


def test_mean_and_standard_error_of_known_samples():
    e = Estimate.from_samples([[1.0, 10.0], [3.0, 10.0]], seed=4)
    np.testing.assert_allclose(e.mean, [2.0, 10.0])
    np.testing.assert_allclose(e.stderr, [1.0, 0.0])  # sd sqrt(2) over sqrt(2) replicas
    assert (e.replicas, e.seed) == (2, 4)
    again = Estimate.from_samples(
        torch.tensor([[1.0, 3.0], [10.0, 10.0]], dtype=torch.float64), seed=4, axis=1
    )
    np.testing.assert_allclose(again.mean, e.mean)


def test_z_scores_of_true_means_are_standard_normal():
    samples = np.random.default_rng(0).exponential(size=(400, 2000))
    z = Estimate.from_samples(samples, seed=0).z(1.0)
    # 2000 z-scores: their mean has standard error 0.022, their variance 0.032; allow four.
    assert abs(z.mean()) < 0.09 + 0.5 * 2 / np.sqrt(400)  # skewed samples shift z by -skew/(2 sqrt(n))
    assert abs(z.var() - 1) < 0.13


@given(st.integers(1, 10**6))
def test_limit_has_the_chance_of_three_standard_errors(points):
    chance = 1 - (1 - 2 * norm.sf(estimates.limit_abs_z(points))) ** points
    assert chance == pytest.approx(2 * norm.sf(3), rel=1e-6)


@pytest.mark.parametrize("points", [1, 5, 50])
def test_expected_maximum_by_simulation(points):
    draws = np.abs(np.random.default_rng(1).standard_normal((20_000, points))).max(1)
    e = Estimate.from_samples(draws, seed=1)
    assert abs(e.z(estimates.expected_max_abs_z(points))) < 4


def test_check_prints_one_line_and_fails_a_wrong_theory(capsys):
    e = Estimate(np.array([1.0, 2.0]), np.array([0.1, 0.1]), 100, 0)
    e.check([1.05, 1.9], "A law")
    assert capsys.readouterr().out == "A law: 2 points, max |z| = 1.0 (expected 1.1, limit 3.2)\n"
    with pytest.raises(AssertionError, match=r"A law: 2 points, max \|z\| = 5\.0"):
        e.check([1.0, 1.5], "A law")
    assert capsys.readouterr().out == ""


def test_two_computations_and_bounds_are_reported_in_one_line_or_fail(capsys):
    estimates.check_values([1.0, 0.0, 2.0], [1.0, 0.0, 2.002], "Both", within=2e-3)
    estimates.check_bounds([[1.0], [2.0]], [0.5, 1.0], np.inf, "Between")
    assert capsys.readouterr().out.splitlines() == [
        "Both: 3 points, largest relative difference 0.001 (allowed 0.002)",
        "Between: 4 points, within the bounds",
    ]
    with pytest.raises(AssertionError, match=r"Both: 1 point, largest relative difference 0\.1"):
        estimates.check_values(1.1, 1.0, "Both", within=0.05)
    with pytest.raises(AssertionError, match="largest relative difference inf"):
        estimates.check_values(1e-9, 0.0, "Both", within=0.05)
    with pytest.raises(AssertionError, match="Between: 2 points, 1 outside the bounds"):
        estimates.check_bounds([1.0, 3.0], 0.0, 2.0, "Between")


def test_a_stated_bias_is_forgiven_and_shown():
    e = Estimate(1.05, 0.01, 100, 0)
    assert not e.agreement(1.0).passed
    allowed = e.agreement(1.0, bias=0.03)
    assert allowed.passed
    assert allowed.max_abs_z == pytest.approx(2.0)
    assert "3 % bias allowed" in str(allowed)


def test_a_deterministic_value_must_agree_to_rounding():
    e = Estimate(0.1 + 0.2, 0.0, 2, 0)
    assert e.z(0.3) == 0
    assert e.z(0.31) == -np.inf
    assert not e.agreement(0.31).passed


def test_stack_keeps_the_grid():
    parts = [Estimate(float(i), 0.1, 10, 3) for i in range(6)]
    grid = Estimate.stack(parts, (2, 3))
    assert grid.mean.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert Estimate.stack(parts).mean.shape == (6,)
    assert str(grid) == "Estimate of 6 values, 10 replicas"
    assert str(Estimate(1234.5678, 12.3, 10, 0)) == "1235 ± 12"


def test_a_passed_agreement_reads_well():
    assert str(Agreement(1, 0.5, 0.8, 3.0)) == "1 point, max |z| = 0.5 (expected 0.8, limit 3.0)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Estimate([1.0, 2.0], [0.1], 10, 0), "stderr must have the shape of mean"),
        (lambda: Estimate(1.0, -0.1, 10, 0), "stderr must be >= 0"),
        (lambda: Estimate(np.nan, 0.1, 10, 0), "mean must be finite"),
        (lambda: Estimate.from_samples([1.0], seed=0), "samples must hold at least 2 replicas"),
        (lambda: Estimate.stack([]), "estimates must not be empty"),
        (lambda: Estimate(1.0, 0.1, 10, 0).z(np.nan), "theory must be finite"),
        (lambda: Estimate(1.0, 0.1, 10, 0).z(1.0, bias=-1), "bias must be >= 0"),
        (lambda: estimates.limit_abs_z(0), "points must be >= 1"),
        (lambda: estimates.check_values([np.nan], 1.0, "a", within=0.1), "values must be finite"),
        (lambda: estimates.check_values(1.0, 1.0, "a", within=-0.1), "within must be >= 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
