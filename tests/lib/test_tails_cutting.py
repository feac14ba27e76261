"""Cut and narrowed tails: exact sums, closed forms and decoders against brute force and drawn training sets.

Simulations draw every training item. With m points the largest |z| may reach `limit_abs_z(m)`: seeds are
fixed, and a fresh seed would fail once in 370 runs of a test.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gamma, zeta
from scipy.stats import chisquare

from collapse import scaling, tails
from collapse._device import Stream
from collapse.estimates import Estimate, limit_abs_z

SHEET_RATIO = {1.2: (0.527, 0.866), 1.5: (0.570, 0.963), 2.0: (0.603, 0.988), 3.0: (0.634, 1.0)}


def world(beta, k):
    return np.arange(1, k + 1) ** -float(beta) / zeta(beta)


def log_uniform(rng, low, high, size):
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def configurations(seed, size, narrow):
    """Random exponents, ranks and sizes around the crossover, where the formulas differ most."""
    rng = np.random.default_rng(seed)
    beta = rng.uniform(1.15, 3.5, size)
    law = rng.uniform(1.1, 3.5, size) if narrow else beta
    k = log_uniform(rng, 1.6, 2000, size).round()
    last = k**-law / (zeta(law) - zeta(law, k + 1))
    T = np.clip((rng.uniform(0.01, 3, size) / last).round(), 1, 2000)
    return beta, T, k, law


def z_of(runs, theory):
    return abs(np.array([run.z(value) for run, value in zip(runs, theory, strict=True)]))


# -- decoders ---------------------------------------------------------------------------------------------


def test_published_nucleus_ranks():
    assert tails.nucleus_rank(1.5, [0.9, 0.95]).tolist() == [59, 234]
    assert tails.nucleus_rank(2.0, 0.95) == 12
    assert tails.tail_mass(2.0, 12) == pytest.approx(0.0486, abs=5e-5)


@pytest.mark.formula("prop-cut-nucleus")
def test_nucleus_rank_is_the_smallest_that_holds_the_level():
    rng = np.random.default_rng(0)
    beta, level = rng.uniform(1.2, 5, 300), rng.uniform(0.001, 0.96, 300)
    k = tails.nucleus_rank(beta, level)
    assert (tails.tail_mass(beta, k) <= 1 - level).all()
    assert (tails.tail_mass(beta, k - 1) > 1 - level).all()
    y = (1 / (zeta(beta) * (beta - 1) * (1 - level))) ** (1 / (beta - 1))
    assert (k > y - 1).all() and (k <= np.maximum(1, np.ceil(y - 0.5))).all()
    # both ends occur: neither bound could be dropped
    assert (k == np.ceil(y - 1)).any() and (k > np.ceil(y - 1)).any()


@pytest.mark.formula("prop-cut-nucleus")
def test_mass_lost_by_a_nucleus_after_cooling():
    """Exponent (beta - 1) / (beta' - 1) of the true mass lost."""
    levels = 1 - np.array([1e-4, 1e-6])
    for beta, tau in ((1.5, 0.8), (2.0, 0.7)):
        k = tails.decoded_law(beta, temperature=tau, nucleus=levels).k
        lost = np.log(tails.tail_mass(beta, k))
        assert np.diff(lost)[0] / np.log(1e-2) == pytest.approx((beta - 1) / (beta / tau - 1), rel=0.01)


@given(st.floats(1.3, 6), st.integers(1, 3000))
def test_nucleus_rank_undoes_tail_mass(beta, k):
    if k ** -float(beta) / zeta(beta) > 1e-12:  # one item must be more than the rounding of 1 - R
        assert tails.nucleus_rank(beta, 1 - tails.tail_mass(beta, k)) == k


def test_nucleus_of_a_law_that_ends():
    law = world(1.5, 1000) / world(1.5, 1000).sum()
    for level in (0.3, 0.9, 0.999, 1.0):
        assert tails.nucleus_rank(1.5, level, top=1000) == 1 + np.searchsorted(np.cumsum(law), level - 1e-13)
    assert tails.nucleus_rank(1.5, 1.0) == np.inf


def test_decoding_rules_combine_in_order():
    law = tails.decoded_law(1.5, temperature=0.8, top=1000, nucleus=0.95)
    weights = np.arange(1, 1001) ** -1.875
    assert law.beta == pytest.approx(1.875)
    assert law.k == 1 + np.searchsorted(np.cumsum(weights / weights.sum()), 0.95)
    assert tails.decoded_law(1.5, top=1).k == 1
    none = tails.decoded_law(1.5, nucleus=0.5, n=0)
    assert none.beta == 1.5 and none.k == np.inf


@pytest.mark.formula("thm-cut-repeat")
def test_published_ranks_of_repeated_nuclei():
    law = tails.decoded_law(1.5, nucleus=0.95, top=200_000, n=[1, 2, 3, 4, 5])
    assert law.k.tolist() == [220, 60, 28, 17, 12]
    floor = 1 - (1 - tails.tail_mass(1.5, law.k)) / (1 - tails.tail_mass(1.5, 200_000))  # of the table
    assert floor == pytest.approx([0.050, 0.097, 0.142, 0.182, 0.215], abs=1e-3)
    assert tails.decoded_law(1.5, nucleus=0.95, n=10).k == 5
    assert tails.tail_mass(1.5, 5) == pytest.approx(0.326, abs=5e-4)


@pytest.mark.formula("thm-cut-repeat")
def test_repeated_nuclei():
    """Part 1 in 2000 cases, the end of part 3 by search, and the linear limit of part 2."""
    rng, n = np.random.default_rng(1), np.arange(1, 21)
    beta, level = rng.uniform(1.3, 4, (100, 1)), rng.uniform(0.3, 0.999, (100, 1))
    k = tails.decoded_law(beta, nucleus=level, n=n).k
    over = 1 - tails.tail_mass(beta, k) - level**n
    p = k**-beta / zeta(beta)
    assert (over > -1e-12).all() and (over < np.minimum(n, 1 / (1 - level)) * p).all()
    steps = np.diff(k, axis=1)
    assert ((steps[:, 1:] == 0) | (steps[:, :-1] < 0)).all()  # strictly down, then at rest
    for b, v in ((1.3, 0.8), (1.5, 0.99), (2.5, 0.9), (2.0, 0.2)):
        p = world(b, 10**5)
        assert (
            tails.decoded_law(b, nucleus=v, n=300).k == 1 + np.flatnonzero(p > (1 - v) * np.cumsum(p)).max()
        )
    left, n = 1e-7, np.array([1, 2, 5])
    law = tails.decoded_law(2.0, nucleus=1 - left, n=n)
    assert tails.tail_mass(2.0, law.k) == pytest.approx(n * left, rel=1e-5)
    assert law.k == pytest.approx(1 / (zeta(2.0) * n * left), rel=1e-5)


def test_last_rank_of_gentle_nuclei():
    """Part 3 of the theorem as the level tends to one."""
    for level in (0.99, 0.9999):
        k = tails.decoded_law(2.0, nucleus=level, n=300).k
        assert k == pytest.approx((1 / (zeta(2.0) * (1 - level))) ** 0.5, rel=0.12)


# -- exact error ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("narrow", [False, True])
def test_error_equals_the_sum_term_by_term(narrow):
    """Around the crossover, ranks on both sides of 512, to 1e-12 of the part that depends on T."""
    for beta, T, k, law in zip(*configurations(2, 60, narrow), strict=True):
        p, q = world(beta, k), world(law, k) / world(law, k).sum()
        with np.errstate(divide="ignore"):
            kept = (p * np.exp(T * np.log1p(-np.minimum(q, 1)))).sum()
        found = tails.cut_error(beta, T, k, law)
        assert abs(found - tails.tail_mass(beta, k) - kept) < 1e-12 * (kept + found)


def test_error_without_a_cut_is_the_missing_mass():
    beta, T = np.array([[1.2], [2.0]]), np.array([1, 30, 1e6])
    assert tails.cut_error(beta, T) == pytest.approx(scaling.missing_mass(beta, T), rel=1e-13)
    far = tails.cut_error(1.5, 1000.0, 10.0**12)
    assert far == pytest.approx(scaling.missing_mass(1.5, 1000.0), rel=1e-5)


def test_greedy_and_broadcasting():
    assert tails.cut_error(2.0, [1, 10, 1000], 1) == pytest.approx(1 - 6 / np.pi**2, rel=1e-14)
    grid = tails.cut_error(np.array([1.5, 2.0])[:, None, None], [[10], [100]], [5, 50, np.inf], 1.7)
    assert grid.shape == (2, 2, 3)
    assert grid[1, 0, 2] == tails.cut_error(2.0, 10, training_beta=1.7)
    assert np.isscalar(tails.cut_error(1.5, 10, 5)) or tails.cut_error(1.5, 10, 5).ndim == 0


@pytest.mark.formula("thm-cut-error")
def test_two_sided_law_and_exponential_plateau():
    """Parts 2 and 3 hold exactly in 600 configurations."""
    rng, m = np.random.default_rng(3), 600
    beta, k = rng.uniform(1.05, 5, m), log_uniform(rng, 1.6, 1e7, m).round()
    T = log_uniform(rng, 1, 1e10, m).round()
    error, floor, p1 = tails.cut_error(beta, T, k), tails.tail_mass(beta, k), 1 / zeta(beta)
    a, last = 1 / (1 - floor), p1 * k**-beta
    b = np.log1p(-a * p1) / np.log1p(-p1)
    clean, tiny = scaling.missing_mass, 1e-12
    assert (b >= a).all()
    assert (error <= (floor + clean(beta, a * T)) * (1 + tiny)).all()
    assert (error >= np.maximum(floor, clean(beta, b * T)) * (1 - tiny)).all()
    slowest = np.exp(T * np.log1p(-a * last))
    assert (error <= (floor + slowest / a) * (1 + tiny)).all()
    assert (error >= (floor + last * slowest) * (1 - tiny)).all()


@pytest.mark.parametrize("beta", SHEET_RATIO)
def test_published_ratio_to_the_sum_of_two_powers(beta):
    T = np.logspace(1, 9, 300)
    both = scaling.missing_mass_asymptotic(beta, T, correction=False) + tails.tail_mass(beta, 1000)
    ratio = tails.cut_error(beta, T, 1000) / both
    assert ratio.min() == pytest.approx(SHEET_RATIO[beta][0], abs=1e-3)
    assert ratio.max() == pytest.approx(SHEET_RATIO[beta][1], abs=1e-3)


@pytest.mark.formula("thm-cut-error")
def test_drawn_training_sets_under_a_cut():
    cases = list(zip(*configurations(4, 30, False), strict=True))
    runs = [tails.simulate_cut_error(*c[:3], replicas=300, seed=i) for i, c in enumerate(cases)]
    theory = np.array([tails.cut_error(*c[:3]) for c in cases])
    assert z_of(runs, theory).max() < limit_abs_z(30)
    floor, clean = (
        np.array([f(c) for c in cases])
        for f in (lambda c: tails.tail_mass(c[0], c[2]), lambda c: scaling.missing_mass(*c[:2]))
    )
    unnormalised = [
        f + (world(b, k) * (1 - world(b, k)) ** T).sum() for f, (b, T, k, _) in zip(floor, cases, strict=True)
    ]
    for wrong in (
        theory - floor,
        floor + clean,
        np.maximum(floor, clean),
        unnormalised,
        theory - [c[2] ** -c[0] / zeta(c[0]) for c in cases],
    ):
        assert z_of(runs, wrong).max() > 2 * limit_abs_z(30)


@pytest.mark.formula("thm-cut-narrow")
def test_drawn_training_sets_under_narrowing():
    """Cut at random ranks and not cut at all; tests stay Zipf with beta."""
    beta, T, k, law = configurations(5, 30, True)
    k[::2] = np.inf
    law[::2] = np.maximum(law[::2], 1.3)
    cases = list(zip(beta, T, k, law, strict=True))
    runs = [tails.simulate_cut_error(*c, replicas=300, seed=50 + i) for i, c in enumerate(cases)]
    assert z_of(runs, [tails.cut_error(*c) for c in cases]).max() < limit_abs_z(30)
    swapped = [tails.cut_error(c[3], c[1], c[2], c[0]) for c in cases]
    assert z_of(runs, swapped).max() > 2 * limit_abs_z(30)


@pytest.mark.formula("thm-cut-repeat", "thm-cut-narrow", "prop-cut-nucleus")
def test_learners_of_generations_decoded_from_a_table():
    """Decode a table of probabilities n times by sorting and adding, draw from it, and memorise."""
    p, runs, theory = world(1.5, 30_000), [], []
    for seed, (level, tau) in enumerate(((0.95, 1.0), (0.99, 0.9), (1.0, 0.8), (0.98, 1.05))):
        rng, law = np.random.default_rng(seed), p / p.sum()
        for n in range(1, 6):
            law = law ** (1 / tau)
            if level < 1:
                law[1 + np.searchsorted(np.cumsum(law) / law.sum(), level - 1e-13) :] = 0
            law /= law.sum()
            T, steps = 100 * n, np.cumsum(law)
            draws = [np.unique(np.searchsorted(steps, rng.random(T) * steps[-1])) for _ in range(400)]
            runs.append(Estimate.from_samples([1 - p[d].sum() for d in draws], seed))
            rule = tails.decoded_law(1.5, nucleus=level, temperature=tau, top=30_000, n=n)
            assert rule.k == np.count_nonzero(law)
            theory.append(tails.cut_error(1.5, T, rule.k, rule.beta))
    assert z_of(runs, theory).max() < limit_abs_z(20)


# -- closed forms -----------------------------------------------------------------------------------------


@pytest.mark.formula("thm-cut-crossover")
def test_closed_form_within_its_bounds():
    """The two error terms of the theorem, in 60 configurations."""
    rng, z = np.random.default_rng(6), np.linspace(1e-3, 60, 200_001)
    for _ in range(60):
        beta, law = rng.uniform(1.1, 4, 2)
        k = int(log_uniform(rng, 1, 3e4, 1)[0])
        p, q = world(beta, k), world(law, k) / world(law, k).sum()
        T = np.ceil(log_uniform(rng, 1, 5 / q[-1], 1)[0])
        slope = np.gradient(z**-beta * np.exp(-(z**-law)), z)
        K = abs(np.diff(slope)).sum() + abs(slope[-1])
        first = (p * (T * q) ** 2 * np.exp(-T * q)).sum() / T
        second = K / (8 * zeta(beta)) * (T * q[0]) ** (-(beta + 1) / law)
        off = tails.cut_error(beta, T, k, law) - tails.cut_error_asymptotic(beta, T, k, law)
        assert -first - second <= off <= second
        if T > 300 and T * q[0] > 300:
            assert off == pytest.approx(-first / 2, abs=0.1 * first + second)


@pytest.mark.formula("thm-cut-crossover")
def test_drawn_training_sets_share_one_crossover():
    """Three cuts on one curve: drawn points on the exact sum, the sum within 1/T, 1/k^2 of the curve."""
    runs, exact, gaps = [], [], []
    for beta, ranks in ((1.4, (30, 100, 300)), (2.2, (15, 30, 60))):
        for k in ranks:
            star = (k + 0.5) ** beta * (zeta(beta) - zeta(beta, k + 1))
            T = np.round(star * np.array([0.1, 0.3, 1.0]))
            T = T[T >= 200]
            runs.append(tails.simulate_cut_error(beta, T, k, replicas=200, seed=k + int(beta)))
            exact.append(tails.cut_error(beta, T, k))
            law = tails.tail_mass(beta, k) * (1 + tails.excess_over_floor(1 - 1 / beta, T / star))
            gaps.extend(law / exact[-1] - 1)
    z = np.concatenate([run.z(error) for run, error in zip(runs, exact, strict=True)])
    assert abs(z).max() < limit_abs_z(z.size)
    assert np.max(np.abs(gaps)) < 0.003


@pytest.mark.formula("thm-cut-crossover")
def test_ends_of_the_crossover():
    c, small, large = np.array([[0.1], [0.5], [0.9]]), np.array([1e-3, 1e-2]), np.array([1.0, 5.0, 30.0])
    start = tails.excess_over_floor(c, small) - gamma(1 + c) * small**-c + 1
    assert (start >= -1e-12).all() and (start <= c * small / (1 + c)).all()
    end = tails.excess_over_floor(c, large)
    assert (end <= c * np.exp(-large) / large).all()
    assert (end >= c * np.exp(-large) / (large + 1)).all()


@pytest.mark.formula("thm-cut-narrow")
def test_exponents_after_n_temperatures():
    """At T = 1e8 the correction 1/T is left, while the frontier is at rank 20 or more."""
    for beta, tau in ((1.5, 0.8), (2.0, 0.8), (1.5, 1.05)):
        laws = tails.decoded_law(beta, temperature=tau, n=np.arange(4)).beta
        curve = tails.cut_error(beta, np.array([1e8, 1e9])[:, None], training_beta=laws)
        slope = -np.diff(np.log(curve), axis=0)[0] / np.log(10)
        assert slope == pytest.approx((1 - 1 / beta) * tau ** np.arange(4), abs=1e-6)
        law = tails.cut_error_asymptotic(beta, 1e8, training_beta=laws)
        assert law == pytest.approx(curve[0], rel=1e-6)


def test_no_narrowing_is_the_clean_law():
    T = np.array([10.0, 1e4])
    clean = scaling.missing_mass_asymptotic(1.5, T, correction=False)
    assert tails.cut_error_asymptotic(1.5, T) == pytest.approx(clean, rel=1e-13)


@pytest.mark.formula("cor-cut-worth")
def test_enough_samples_and_their_worth():
    beta, k = np.meshgrid([1.2, 1.5, 2.0, 3.0], [10, 100, 1e4])
    c, floor = 1 - 1 / beta, tails.tail_mass(beta, k)
    star = (k + 0.5) ** beta * (zeta(beta) - zeta(beta, k + 1))
    for x in (0.5, 1, 3):
        assert (tails.cut_error(beta, x * star, k) <= floor * (1 + np.exp(-x) / x)).all()
    worth = tails.floor_in_real_samples(beta, k)
    assert scaling.missing_mass(beta, worth) == pytest.approx(floor, rel=0.01)
    assert worth == pytest.approx(gamma(1 + c) ** (1 / c) * (k + 0.5) ** beta * zeta(beta), rel=0.01)
    for excess, within in ((1.0, 2e-2), (0.1, 2e-3), (1e-3, 1e-4)):
        T = tails.useful_samples(beta[1:], k[1:], excess)
        assert tails.cut_error(beta[1:], T, k[1:]) == pytest.approx(floor[1:] * (1 + excess), rel=within)
    T = tails.useful_samples(1.5, 200, 0.1, training_beta=2.1)
    assert tails.cut_error(1.5, T, 200, 2.1) == pytest.approx(1.1 * tails.tail_mass(1.5, 200), rel=1e-3)


def test_drawn_training_sets_at_the_worth():
    """Unlimited cut data and the real samples they are worth, both drawn."""
    T = round(float(tails.floor_in_real_samples(1.5, 59)))
    real = scaling.simulate_missing_mass(1.5, T, replicas=1500, seed=9)
    assert abs(real.z(tails.tail_mass(1.5, 59), bias=1e-3)) < 3.5
    assert abs(real.z(tails.tail_mass(1.5, 57), bias=1e-3)) > 3.5


# -- sampler ----------------------------------------------------------------------------------------------


def draw(seed, shape, beta, k):
    """The sampler under every simulator of Part III."""
    return tails.cutting._draw(Stream(seed, torch.device("cpu")), shape, beta, k).numpy()


@pytest.mark.parametrize(("beta", "k"), [(1.1, 40), (1.5, np.inf), (2.0, 7), (5.0, np.inf), (1.05, 10**9)])
def test_sampler_has_the_right_law(beta, k):
    """Chi-square over the first ranks and the rest, level 1e-4."""
    items = draw(3, (400_000,), beta, k)
    assert items.max() <= k and items.min() >= 1 and (items == np.floor(items)).all()
    first = int(min(k, 30))
    kept = zeta(beta) - zeta(beta, k + 1)
    expected = np.arange(1, first + 1) ** -beta / kept
    rest = (zeta(beta, first + 1) - zeta(beta, k + 1)) / kept
    observed = np.array([(items == i).sum() for i in range(1, first + 1)])
    if rest > 1e-12:
        expected, observed = np.append(expected, rest), np.append(observed, (items > first).sum())
    many = expected * items.size > 5
    merged = [np.append(v[many], v[~many].sum()) for v in (observed, expected * items.size)]
    merged = [v[merged[1] > 0] for v in merged]
    assert chisquare(merged[0], merged[1] / merged[1].sum() * items.size).pvalue > 1e-4


def test_sampler_reaches_far_into_the_tail():
    items = draw(4, (200_000,), 1.2, np.inf)
    for far in (1e3, 1e6, 1e9):
        share = tails.tail_mass(1.2, far)
        assert abs((items > far).mean() - share) < 4 * np.sqrt(share / items.size)


def test_same_seed_same_numbers():
    a, b, other = (tails.simulate_cut_error(1.5, [10, 20], 9, replicas=5, seed=s) for s in (1, 1, 2))
    assert (a.mean == b.mean).all() and (a.mean != other.mean).any()


def test_blocks_of_replicas(monkeypatch):
    """Training sets larger and smaller than a block give the same law."""
    monkeypatch.setattr(tails.cutting, "_CHUNK", 64)
    run = tails.simulate_cut_error(1.5, [10, 100], 50, replicas=300, seed=2)
    assert abs(run.z(tails.cut_error(1.5, [10, 100], 50))).max() < 4


# -- bad and extreme input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: tails.tail_mass(1.0, 3), "beta"),
        (lambda: tails.tail_mass(1.5, -1), "k"),
        (lambda: tails.tail_mass(1.5, 2.5), "k"),
        (lambda: tails.tail_mass(1.5, np.nan), "k"),
        (lambda: tails.tail_mass(1.5, []), "k"),
        (lambda: tails.tail_mass(1.5, "many"), "k"),
        (lambda: tails.nucleus_rank(1.5, 0.0), "nucleus"),
        (lambda: tails.nucleus_rank(1.5, 1.01), "nucleus"),
        (lambda: tails.nucleus_rank(1.01, 0.9999), "nucleus"),
        (lambda: tails.nucleus_rank(1.5, 0.9, top=0), "top"),
        (lambda: tails.decoded_law(1.5, temperature=1.5), "temperature"),
        (lambda: tails.decoded_law(1.5, temperature=1.3, n=2), "temperature"),
        (lambda: tails.decoded_law(1.5, temperature=0.0), "temperature"),
        (lambda: tails.decoded_law(1.5, n=-1), "n"),
        (lambda: tails.decoded_law(1.5, n=1.5), "n"),
        (lambda: tails.decoded_law(1.5, nucleus=[0.9, 0.8], n=[1, 2, 3]), "nucleus"),
        (lambda: tails.cut_error(1.5, 0, 3), "T"),
        (lambda: tails.cut_error(1.5, 10, 0), "k"),
        (lambda: tails.cut_error(1.5, 10, 3, training_beta=1.0), "training_beta"),
        (lambda: tails.cut_error(np.nan, 10, 3), "beta"),
        (lambda: tails.cut_error_asymptotic(1.5, [1, 2], [3, 4, 5]), "T"),
        (lambda: tails.excess_over_floor(0, 1), "c"),
        (lambda: tails.excess_over_floor(0.5, 0), "x"),
        (lambda: tails.useful_samples(1.5, np.inf), "k"),
        (lambda: tails.useful_samples(1.5, 10, excess=1.5), "excess"),
        (lambda: tails.floor_in_real_samples(1.5, 0), "k"),
        (lambda: tails.simulate_cut_error(1.5, [[1]], replicas=2, seed=1), "T"),
        (lambda: tails.simulate_cut_error(1.0, 10, replicas=2, seed=1), "beta"),
        (lambda: tails.simulate_cut_error(1.5, 10, [1, 2], replicas=2, seed=1), "k"),
        (lambda: tails.simulate_cut_error(1.5, 10, replicas=2, seed=-1), "seed"),
        (lambda: tails.simulate_cut_error(1.5, 10, replicas=1, seed=1), "replicas"),
        (lambda: tails.simulate_cut_error(1.5, 10, training_beta=1.01, replicas=2, seed=1), "training_beta"),
        (lambda: tails.simulate_cut_error(1.5, 10, replicas=2, seed=1, device="abacus"), "device"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        call()


@given(
    st.floats(1.02, 60),
    st.floats(1.02, 60),
    st.floats(1, 1e15),
    st.one_of(st.integers(1, 10**15), st.just(np.inf)),
)
def test_any_law_gives_an_error_between_floor_and_one(beta, law, T, k):
    floor = tails.tail_mass(beta, k)
    error = tails.cut_error(beta, T, k, law)
    assert floor * (1 - 1e-9) <= error <= 1 + 1e-9
    assert tails.cut_error(beta, 2 * T, k, law) <= error * (1 + 1e-9)
    assert np.isfinite(tails.cut_error_asymptotic(beta, T, k, law))


@given(st.floats(1.05, 20), st.floats(0.01, 0.999), st.floats(0.3, 1.0), st.integers(0, 8))
def test_decoding_again_never_widens(beta, level, tau, n):
    now, then = (tails.decoded_law(beta, nucleus=level, temperature=tau, n=m) for m in (n, n + 1))
    assert then.k <= now.k and then.beta >= now.beta
