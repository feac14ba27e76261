"""The gcd lab: number theory against counting, the split, and what the experiment's functions promise."""

from __future__ import annotations

from dataclasses import replace
from math import gcd as exact_gcd

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import zeta

from collapse import Estimate
from collapse.experiments import gcd
from collapse.experiments.gcd import Recipe, Task
from collapse.experiments.training import predict

RECIPE = Recipe(width=16, heads=2, batch=32, steps=30)
SMALL = Task(base=6, digits=2, classes=11)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


# ------------------------------------------------------------------------------------------------ theory


@pytest.mark.formula("thm-gcd-zipf")
@pytest.mark.parametrize("N", [1, 2, 7, 143, 500])
def test_outcomes_by_counting(N):
    i = np.arange(1, N + 1)
    counted = np.bincount(np.gcd(i[:, None], i).ravel(), minlength=N + 3)[1:] / N**2
    np.testing.assert_allclose(gcd.outcome_probability(np.arange(1, N + 3), N), counted, rtol=1e-13)


@pytest.mark.formula("thm-gcd-zipf")
@pytest.mark.parametrize("N", [3, 12, 143, 3000])
def test_the_bound_of_the_zipf_law(N):
    g = np.arange(1, N + 1)
    away = np.abs(gcd.outcome_probability(g, N) - gcd.outcome_probability(g))
    assert (away <= 2 * (2 + np.log(N / g)) / (g * N)).all()
    assert gcd.outcome_probability(g, N).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.formula("thm-gcd-zipf")
def test_outcomes_by_simulation():
    """Forty pairs (N, g), sizes drawn at random, 2e5 pairs of numbers each."""
    rng = np.random.default_rng(4)
    estimates, theory = [], []
    for N in rng.integers(20, 5000, size=10):
        a, b = rng.integers(1, N + 1, size=(2, 100, 2000))
        found = np.gcd(a, b)
        for g in (1, 2, 3, 5):
            estimates.append(Estimate.from_samples((found == g).mean(axis=1), seed=4))
            theory.append(gcd.outcome_probability(g, int(N)))
    assert Estimate.stack(estimates).agreement(theory).passed


@pytest.mark.formula("prop-gcd-floor")
def test_the_floor():
    for k in (1, 6, 40):
        assert gcd.floor(np.arange(1, k + 1)) == pytest.approx(zeta(2, k + 1) / zeta(2), rel=1e-12)
    i = np.arange(1, 144)
    every = np.gcd(i[:, None], i)
    for kept in ([1, 2, 3, 4, 6, 12], [5], [2, 150]):
        assert gcd.floor(kept, 143) == pytest.approx(1 - np.isin(every, kept).mean(), abs=1e-12)


@pytest.mark.formula("prop-gcd-digits")
@given(st.one_of(st.tuples(st.integers(2, 60), st.just(1)), st.tuples(st.integers(2, 7), st.just(2))))
@settings(max_examples=25)
def test_what_the_digits_show(number):
    """The error of the rule from the law of t, averaged over all remainders, line 1 against line 3."""
    base, digits = number
    Q = base**digits
    readable = gcd.readable(base, digits)
    assert readable.tolist() == [g for g in range(1, Q + 1) if Q % g == 0]
    r = np.arange(Q)
    e = np.gcd(np.gcd(r[:, None], r), Q)
    # Given the remainders the rule is right with chance 1 / (sum of t^-2 over t coprime to Q / e).
    primes = [p for p in range(2, Q + 1) if Q % p == 0 and all(p % q for q in range(2, p))]
    right = np.full(e.shape, 6 / np.pi**2)
    for p in primes:
        right /= np.where((Q // e) % p == 0, 1 - p**-2.0, 1.0)
    assert gcd.floor(readable) == pytest.approx(1 - right.mean(), abs=1e-12)


@pytest.mark.formula("prop-gcd-digits")
def test_the_rule_by_simulation():
    rng = np.random.default_rng(8)
    a, b = rng.integers(1, 10**9, size=(2, 200, 2000))
    true = np.gcd(a, b)
    cases = [(base, m) for base in (2, 3, 6, 10, 12, 15, 30) for m in (1, 2, 3)]
    wrong = [(np.gcd(true, base**m) != true).mean(axis=1) for base, m in cases]
    estimate = Estimate.from_samples(np.transpose(wrong), seed=8)
    theory = np.array([gcd.floor(gcd.readable(base, m)) for base, m in cases])
    assert estimate.agreement(theory).passed
    assert not estimate.agreement([gcd.floor(np.arange(1, 7))] * len(cases)).passed
    # No other multiple of what the digits show is a better answer.
    e = np.gcd(true, 12)
    for t in range(2, 8):
        assert (true == e * t).mean() < (true == e).mean()


# -------------------------------------------------------------------------------------------------- task


def test_the_split():
    task = Task()
    i = np.arange(1, task.N + 1)
    every = np.stack(np.meshgrid(i, i, indexing="ij"), -1)
    held = task.held_out(every)
    assert np.array_equal(held, held.T)
    # 10 296 unordered pairs: three standard deviations of their share.
    assert abs(held[np.triu_indices(task.N)].mean() - task.share) < 3 * np.sqrt(0.21 / 10_296)
    # The split does not look at the outcome.
    counts = np.bincount(task.labels(every[held]), minlength=41), np.bincount(task.labels(every[~held]))
    assert stats.chi2_contingency(np.array(counts)[:, :8]).pvalue > 1e-3
    assert np.array_equal(task.test_pairs(), every[held])


def test_sampling_keeps_to_its_side_and_is_uniform():
    task = Task(base=6, digits=1, classes=6)
    rng = np.random.default_rng(0)
    for test in (False, True):
        pairs = task.sample(rng, 5000, test)
        assert pairs.shape == (5000, 2)
        assert (task.held_out(pairs) == test).all()
        _, counts = np.unique(pairs, axis=0, return_counts=True)
        assert stats.chisquare(counts).pvalue > 1e-3
    large = Task(base=30, digits=4, classes=101)
    assert large.test_pairs(500).shape == (500, 2) and large.held_out(large.test_pairs(500)).all()


def test_tokens_and_labels():
    task = Task(base=12, digits=2)
    pairs = np.array([[1, 143], [13, 24], [84, 126], [41, 82]])
    tokens = task.tokens(torch.from_numpy(pairs)).numpy()
    assert tokens.tolist() == [[0, 1, 11, 11], [1, 1, 2, 0], [7, 0, 10, 6], [3, 5, 6, 10]]
    assert task.labels(pairs).tolist() == [1, 1, 0, 0]  # 42 and 41 are beyond 40
    assert [exact_gcd(*p) for p in pairs.tolist()] == [1, 1, 42, 41]


def test_bad_input():
    for wrong in ({"base": 1}, {"digits": 0}, {"classes": 1}, {"share": 0.0}, {"share": 1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Task(**wrong)
    with pytest.raises(ValueError, match="g must be >= 1"):
        gcd.outcome_probability(0)
    with pytest.raises(ValueError, match="N must be"):
        gcd.outcome_probability(1, 2.5)
    with pytest.raises(ValueError, match="differ from each other"):
        gcd.floor([1, 2, 2])
    with pytest.raises(ValueError, match="base must be >= 2"):
        gcd.readable(1, 1)
    with pytest.raises(ValueError, match="real must be between 0 and 1"):
        gcd.curve(SMALL, RECIPE, [20], [0, 1], T0=20, real=1.5)
    with pytest.raises(ValueError, match="sizes must be >= 1"):
        gcd.curve(SMALL, RECIPE, [0], [0, 1])
    with pytest.raises(ValueError, match="arms must be one of"):
        gcd.chain(SMALL, RECIPE, 20, 1, [0], arms=("nobody",))
    one = SMALL.sample(np.random.default_rng(0), 5)
    with pytest.raises(ValueError, match="one for each of the 1 data sets"):
        gcd.fit(SMALL, RECIPE, [(one, SMALL.labels(one))], [0, 1])
    with pytest.raises(ValueError, match="no empty data set"):
        gcd.fit(SMALL, RECIPE, [(one[:0], SMALL.labels(one[:0]))], [0])
    with pytest.raises(ValueError, match="scale must be one of"):
        gcd.run("huge")
    with pytest.raises(ValueError, match="kind must be one of"):
        gcd.part("x", "nothing", {}, {})


# --------------------------------------------------------------------------------------------- experiment


@pytest.fixture(scope="module")
def models():
    """Three models, well short of knowing everything."""
    torch.set_num_threads(1)
    data = [SMALL.sample(np.random.default_rng(s), 400) for s in range(3)]
    recipe = replace(RECIPE, steps=200)
    return gcd.fit(SMALL, recipe, [(p, SMALL.labels(p)) for p in data], seeds=range(3))


def test_models_learn_to_read_digits(models):
    found = gcd.measure(models, SMALL)
    # Never answering anything but 1 errs on 38 %.
    assert (found["error"] < 0.3).all()
    assert (found["recall"][:, 1] > 0.8).all()


def test_measures_fit_together(models):
    found = gcd.measure(models, SMALL)
    pairs = SMALL.test_pairs()
    truth, choice = SMALL.labels(pairs), gcd.answers(models, SMALL, pairs)
    share = np.bincount(truth, minlength=SMALL.classes) / len(truth)
    np.testing.assert_allclose(1 - found["error"], np.nansum(found["recall"] * share, axis=1), atol=1e-12)
    np.testing.assert_allclose(found["error"], (choice != truth).mean(1))
    assert found["outcomes"].tolist() == [len(np.unique(row)) for row in choice]
    assert (found["error"] >= 1 - found["mass"] - 1e-12).all()
    for row, recall, explained in zip(choice, found["recall"], found["explained"], strict=True):
        learned = [g for g in range(1, SMALL.classes) if recall[g] >= 0.5]
        rule = [max((d for d in learned if exact_gcd(*p) % d == 0), default=0) for p in pairs.tolist()]
        assert explained == pytest.approx((row == rule).mean())
    logits = predict(models, SMALL.tokens(torch.from_numpy(pairs)))
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean(1)
    nll = torch.stack([torch.nn.functional.cross_entropy(x, torch.from_numpy(truth)) for x in logits])
    np.testing.assert_allclose(found["nll"], nll, rtol=1e-5)
    np.testing.assert_allclose(found["gap"], entropy - nll, atol=1e-5)


def test_drawn_labels_have_the_models_law(models):
    pair = np.tile([[12, 18]], (6000, 1))
    chances = predict(models, SMALL.tokens(torch.from_numpy(pair[:1]))).softmax(-1)[:, 0].double().numpy()
    drawn = gcd.answers(models, SMALL, pair, seeds=[1, 2, 3])
    for row, p in zip(drawn, chances, strict=True):
        counts = np.bincount(row, minlength=SMALL.classes)
        common = p * len(row) >= 5  # the rest in one cell
        observed = np.append(counts[common], counts[~common].sum())
        expected = np.append(p[common], p[~common].sum()) * len(row)
        keep = expected > 0.5
        assert (
            stats.chisquare(
                observed[keep], expected[keep] * observed[keep].sum() / expected[keep].sum()
            ).pvalue
            > 1e-3
        )
    assert not np.array_equal(drawn[0], gcd.answers(models, SMALL, pair, seeds=[4, 2, 3])[0])
    greedy = gcd.answers(models, SMALL, pair[:1])
    assert greedy[:, 0].tolist() == chances.argmax(1).tolist()
    part = gcd.answers(models, SMALL, pair, seeds=[2], replicas=slice(1, 2))
    assert np.array_equal(part[0], drawn[1])


def test_curves_compare_seed_by_seed():
    """With all labels true, the labels of a teacher change nothing: pairs, weights and batches are shared."""
    clean = gcd.curve(SMALL, RECIPE, [40, 90], [0, 1])
    same = gcd.curve(SMALL, RECIPE, [40, 90], [0, 1], T0=30, real=1.0)
    other = gcd.curve(SMALL, RECIPE, [40, 90], [0, 1], T0=30)
    np.testing.assert_array_equal(clean["error"], same["error"])
    assert np.abs(clean["nll"] - other["nll"]).max() > 1e-3
    assert clean["error"].shape == (2, 2) and clean["recall"].shape == (2, 2, 11)
    assert other["teacher"].shape == (2,)


def test_chains():
    chain = gcd.chain(SMALL, RECIPE, 60, 2, [0, 1, 2], arms=("greedy", "sampled", "mixed", "real"))
    assert chain["error"].shape == (4, 3, 3) and chain["recall"].shape == (4, 3, 3, 11)
    for values in chain.values():
        np.testing.assert_array_equal(values[:, 0], np.broadcast_to(values[:1, 0], values[:, 0].shape))
    # A greedy chain only ever sees answers of the generation before on other pairs; the control sees truth.
    assert (chain["labels"][3, 1:] >= chain["labels"][0, 1:]).all()
    # An arm does not depend on which others run beside it.
    alone = gcd.chain(SMALL, RECIPE, 60, 2, [0, 1, 2], arms=("sampled",))
    np.testing.assert_allclose(alone["nll"][0], chain["nll"][1], rtol=1e-3)


@pytest.fixture
def fits(monkeypatch):
    """Every (data, seeds, model) that passes through `gcd.fit`."""
    calls, fit = [], gcd.fit

    def spy(task, recipe, data, seeds, **rest):
        calls.append((data, list(seeds), fit(task, recipe, data, seeds, **rest)))
        return calls[-1][2]

    monkeypatch.setattr(gcd, "fit", spy)
    return calls


def test_what_a_curve_is_given(fits):
    gcd.curve(SMALL, RECIPE, [40, 90], [0, 1], T0=30, real=0.1)
    (own, first, teacher), (data, second, _) = fits
    for pairs, labels in own:
        assert len(pairs) == 30 and np.array_equal(labels, SMALL.labels(pairs))
    for i, (pairs, labels) in enumerate(data):
        seed, T = i // 2, (40, 90)[i % 2]
        given = gcd.answers(teacher, SMALL, pairs)[seed]
        assert len(pairs) == T and not SMALL.held_out(pairs).any()
        assert not np.array_equal(pairs[:30], own[seed][0])
        expected = np.append(SMALL.labels(pairs)[: T // 10], given[T // 10 :])
        np.testing.assert_array_equal(labels, expected)
    assert len({*first, *second}) == 6


def test_what_a_generation_is_given(fits):
    """Fresh pairs, the same in all arms, labelled by the model before of the same arm and seed."""
    gcd.chain(SMALL, RECIPE, 60, 3, [0, 1], arms=("greedy", "mixed", "real"), real=0.5)
    for g in (1, 2, 3):
        data, starts, _ = fits[g]
        for i, (pairs, labels) in enumerate(data):
            arm, seed = divmod(i, 2)
            assert np.array_equal(pairs, data[seed][0]) and not SMALL.held_out(pairs).any()
            assert not any(np.array_equal(pairs, fits[e][0][seed][0]) for e in range(g))
            given = gcd.answers(fits[g - 1][2], SMALL, pairs)[seed if g == 1 else i]
            true = (0, 30, 60)[arm]
            expected = np.append(SMALL.labels(pairs)[:true], given[true:])
            np.testing.assert_array_equal(labels, expected)
        assert starts[:2] == starts[2:4] == starts[4:]
        assert not any(set(starts) & set(fits[e][1]) for e in range(g))


def test_plans_are_complete():
    for plan in gcd.PLANS.values():
        names = [part["name"] for part in plan.parts()]
        assert names == ["clean", "greedy", "chain", "mixed"]
        assert len(plan.seeds) >= 3
