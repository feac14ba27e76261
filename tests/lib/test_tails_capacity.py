"""Associative memories: the exact error, storage schemes, labels of their own, and the triplet law.

Comparisons with simulation use |z| <= 4 for a handful of points and the limit of `Agreement` for many: with
the fixed seeds they are deterministic. The brute-force memories below build the d x d matrix from the
definition and share no code with the library. A relative bias is allowed only to `triplet_error`
(Poisson counts, mean norm), and is stated.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import zeta

from collapse import scaling
from collapse.estimates import Estimate, limit_abs_z
from collapse.tails import capacity, cut_error, tail_mass


def zipf(n, beta):
    return np.arange(1, n + 1) ** -float(beta) / zeta(beta)


def matrix_memory(p, weights, d, replicas, seed):
    """Errors by item of memories with two labels, from the definition: W, scores, argmax."""
    rng = np.random.default_rng(seed)
    wrong = np.empty((replicas, len(p)))
    for r in range(replicas):
        e = rng.standard_normal((len(p), d)) / np.sqrt(d)
        u = rng.standard_normal((2, d))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        label = rng.integers(0, 2, len(p))
        W = (u[label] * weights[:, None]).T @ e
        wrong[r] = (u @ W @ e.T).argmax(0) != label
    return wrong


# -- two labels, exact ------------------------------------------------------------------------------------


def test_item_error_is_student_and_the_sphere():
    h, d = np.array([0.01, 0.2, 0.5, 0.9]), np.array([1, 2, 7, 300])[:, None]
    student = stats.t.cdf(-np.sqrt(d) * h / np.sqrt(1 - h**2), d)
    np.testing.assert_allclose(capacity.item_error(h, d), student, rtol=1e-7, atol=1e-300)
    # d = 1: an angle on the circle; d = 2: Archimedes, a coordinate on the sphere is uniform
    np.testing.assert_allclose(capacity.item_error(h, 1), np.arccos(h) / np.pi, rtol=1e-12)
    np.testing.assert_allclose(capacity.item_error(h, 2), (1 - h) / 2, rtol=1e-12)
    assert capacity.item_error(0, 5) == 0.5
    assert capacity.item_error(1, 5) == 0


@pytest.mark.formula("thm-cap-error")
def test_error_against_matrices_in_many_configurations():
    """24 configurations, each a brute-force matrix memory, with a third of the items not stored.

    Item by item, for those expected to fail and not to fail at least 20 times: a mean over items of which
    one is rarely wrong but expensive has no honest error bar at 400 replicas.
    """
    rng = np.random.default_rng(2024)
    z = []
    for seed in range(24):
        n, d = int(rng.integers(2, 60)), int(rng.integers(1, 40))
        a = rng.uniform(0, 1, n) ** rng.uniform(0, 3)
        a[rng.uniform(size=n) < 0.3] = 0
        a[0] = 1
        law = capacity.item_error(a / np.linalg.norm(a), d)
        z_here = (matrix_memory(a, a, d, 400, seed).mean(0) - law) / np.sqrt(law * (1 - law) / 400 + 1e-300)
        z.append(z_here[(a > 0) & (law > 0.05)])
        p = zipf(n, rng.uniform(1.1, 3))
        whole = p @ np.where(a > 0, law, 0.5) + (1 - p.sum()) / 2
        assert capacity.memory_error(p, a, d) == pytest.approx(whole, rel=1e-12)
    z = np.concatenate(z)
    assert len(z) > 200
    assert np.abs(z).max() < limit_abs_z(len(z))
    assert (z**2).mean() == pytest.approx(1, abs=0.3)


@pytest.mark.formula("thm-cap-error")
def test_error_item_by_item_and_false_formulas():
    p = zipf(30, 1.5)
    d = 4
    exact = capacity.item_error(p / np.linalg.norm(p), d)
    brute = Estimate.from_samples(matrix_memory(p, p, d, 3000, 1), 1)
    assert brute.agreement(exact).passed
    fast = capacity.simulate_memory_error(p, p, d, replicas=20_000, seed=2, per_item=True)
    assert fast.agreement(exact).passed
    others = np.sqrt((p**2).sum() - p**2)
    assert not fast.agreement(stats.norm.cdf(-2 * p / others)).passed  # normal for Student
    assert not fast.agreement(stats.t.cdf(-2 * p / np.linalg.norm(p), d)).passed  # all weights
    assert not fast.agreement(stats.t.cdf(-2 * p / others, d + 1)).passed  # one degree of freedom off


@pytest.mark.formula("thm-cap-error")
@pytest.mark.parametrize(
    ("beta", "omega", "formula", "exact"),
    [(1.5, 1.0, 0.134328, 0.13431), (2.0, 1.0, 0.063726, 0.063778), (2.0, 0.5, 0.019441, 0.019421)],
)
def test_reference_rows_of_power_storage(beta, omega, formula, exact):
    """d = 256, values of an independent evaluation; the formula there is the limit form in d."""
    assert capacity.storage_error(beta, omega, 256) == pytest.approx(exact, abs=2e-6)
    b = (beta - 1) / (omega * beta)
    law = capacity.storage_error_asymptotic(beta, omega, 256)
    assert law / (1 - b**2 / 4 / 256) == pytest.approx(formula, abs=2e-6)
    p = zipf(400, beta)
    estimate = capacity.simulate_memory_error(p, p**omega, 256, replicas=150, seed=3)
    assert abs(estimate.z(capacity.storage_error(beta, omega, 256, cut=400))) < 4


@pytest.mark.parametrize(("beta", "P", "exact"), [(1.5, 64, 0.067957), (2.0, 256, 0.159464)])
def test_reference_rows_of_uniform_storage(beta, P, exact):
    assert capacity.threshold_error(beta, P, 256) == pytest.approx(exact, abs=1e-6)
    p = zipf(P, beta)
    assert capacity.memory_error(p, np.ones(P), 256) == pytest.approx(exact, abs=1e-6)


@pytest.mark.formula("cor-cap-recall")
@settings(max_examples=60)
@given(st.floats(1e-6, 0.999), st.integers(1, 10**6))
def test_recall_bounds(h, d):
    error = capacity.item_error(h, d)
    low = stats.norm.cdf(-np.sqrt(d) * h / np.sqrt(1 - h**2))
    high = 0.5 * np.exp(d / 2 * np.log1p(-(h**2)))
    assert low * (1 - 1e-6) - 1e-9 <= error <= high * (1 + 1e-6)


@settings(max_examples=30)
@given(st.floats(1e-200, 1e200), st.integers(0, 10**6))
def test_scale_of_the_weights_does_not_matter(scale, seed):
    rng = np.random.default_rng(seed)
    p, a = zipf(20, 1.7), rng.uniform(0, 1, 20) + 1e-3
    assert capacity.memory_error(p, scale * a, 9) == pytest.approx(capacity.memory_error(p, a, 9), rel=1e-9)


# -- storage schemes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 3, 511, 512, 700, 5000])
@pytest.mark.parametrize("omega", [0.0, 0.3, 1.0])
def test_storage_error_is_its_sum(cut, omega):
    p = zipf(cut, 1.6)
    value = capacity.storage_error(1.6, omega, [3, 50], cut=cut)
    np.testing.assert_allclose(value, capacity.memory_error(p, p[None] ** omega, [3, 50]), rtol=1e-9)


@pytest.mark.formula("prop-cap-power")
def test_power_law_within_its_bound_and_nearer():
    """The stated bound everywhere; the exponents; and the exact sum to 1e-5 at d = 4096."""
    d = np.unique(np.geomspace(2, 1e6, 40).round())
    for beta, omega in ((1.5, 1.0), (2.0, 1.0), (2.0, 0.5), (2.0, 0.35), (3.0, 0.2), (1.2, 2.0)):
        S, A = zeta(2 * omega * beta), 1 / zeta(beta)
        bound = A / 2 * (S / (np.e * omega * d)) ** (0.5 / omega)
        exact = capacity.storage_error(beta, omega, d)
        law = capacity.storage_error_asymptotic(beta, omega, d)
        assert (np.abs(exact - law) <= bound).all()
        assert law[d > 4000] == pytest.approx(exact[d > 4000], rel=2e-4)
        slope = np.diff(np.log(exact[-2:])) / np.diff(np.log(d[-2:]))
        assert -slope == pytest.approx(capacity.capacity_exponent(beta, omega), rel=1e-3)
    assert capacity.storage_error_asymptotic(2.0, 0.5, 100) != pytest.approx(
        capacity.storage_error_asymptotic(2.0, 0.5, 101), rel=1e-3
    )


@pytest.mark.formula("prop-cap-threshold")
def test_no_storage_beats_the_bound():
    rng = np.random.default_rng(7)
    for _ in range(30):
        d, beta = int(rng.integers(2, 60)), rng.uniform(1.1, 3)
        p = zipf(3000, beta)
        a = rng.permutation(p) if rng.uniform() < 0.3 else p ** rng.uniform(0, 2)
        a = a * (rng.uniform(size=3000) < rng.uniform(0.1, 1)) + 1e-9
        a[rng.integers(1, 3000) :] = 0
        assert capacity.memory_error(p, a, d) >= stats.norm.cdf(-(2**0.5)) * tail_mass(beta, d)
        assert capacity.optimal_threshold(beta, d).error >= stats.norm.cdf(-(2**0.5)) * tail_mass(beta, d)


@pytest.mark.formula("prop-cap-threshold")
def test_best_threshold_is_best_and_scales():
    for beta, d in ((1.5, 64), (2.0, 256), (1.2, 40), (3.0, 1000)):
        best = capacity.optimal_threshold(beta, d)
        every = capacity.threshold_error(beta, np.arange(1, 4 * d), d)
        assert best.error == every.min()
        assert best.threshold == every.argmin() + 1
    d = 2.0 ** np.arange(6, 31, 3)
    best = capacity.optimal_threshold(1.5, d)
    scaled = best.error / (np.log(d) / d) ** 0.5
    assert scaled.max() / scaled.min() < 1.2
    assert (np.diff(d / best.threshold / np.log(d)) < 0.05).all()


# -- labels of their own ----------------------------------------------------------------------------------


@pytest.mark.formula("thm-cap-own")
def test_own_labels_law_against_matrices():
    """20 configurations: the O(N) law, the library's direct memories and a matrix built here."""
    rng = np.random.default_rng(11)
    law, direct = [], []
    for seed in range(20):
        d, N = int(rng.integers(2, 30)), int(rng.integers(2, 60))
        law.append(capacity.simulate_recall(N, d, replicas=3000, seed=seed))
        if seed % 2:
            direct.append(capacity.simulate_recall(N, d, replicas=150, seed=seed, direct=True))
            continue
        recalled = []
        for _ in range(150):
            e, u = rng.standard_normal((2, N, d))
            scores = u @ (u.T @ e) @ e.T
            recalled.append((scores.argmax(0) == np.arange(N)).mean())
        direct.append(Estimate.from_samples(recalled, seed))
    law, direct = Estimate.stack(law), [(e.mean, e.stderr) for e in direct]
    mean, stderr = np.transpose(direct)
    assert Estimate(law.mean, np.hypot(law.stderr, stderr), 150, 0).agreement(mean).passed


@pytest.mark.formula("thm-cap-own")
def test_own_labels_law_for_few_items():
    """Where the projection matters most: two to five items. Only the sampler of the law is on trial."""
    for seed, (N, d) in enumerate([(2, 1), (2, 3), (3, 4), (5, 5), (4, 9)]):
        law = capacity.simulate_recall(N, d, replicas=20_000, seed=seed)
        direct = capacity.simulate_recall(N, d, replicas=10_000, seed=50 + seed, direct=True)
        assert abs(law.mean - direct.mean) < 4 * np.hypot(law.stderr, direct.stderr)


@pytest.mark.formula("thm-cap-own")
def test_one_competitor():
    """Two items: the wrong one wins with the chance of the law of an item, at the cosine of the proof."""
    rng = np.random.default_rng(31)
    for seed, d in enumerate((1, 3, 10)):
        a, g = np.sqrt(rng.chisquare(d, 100_000)), rng.standard_normal(100_000)
        h = (a - g) / np.sqrt(2 * (a**2 + g**2))
        chance = np.where(h > 0, capacity.item_error(abs(h), d), 1 - capacity.item_error(abs(h), d))
        law = Estimate.from_samples(1 - chance, seed)
        matrix = capacity.simulate_recall(2, d, replicas=20_000, seed=seed, direct=True)
        assert abs(law.mean - matrix.mean) < 4 * np.hypot(law.stderr, matrix.stderr)


@pytest.mark.formula("thm-cap-own")
def test_own_labels_bound_and_threshold():
    d, N = 500, 1500
    assert N * np.exp(-(d**2) / (8 * N + 12 * d)) < 2e-3
    assert capacity.simulate_recall(N, d, replicas=300, seed=0).mean == 1
    d, sizes = 500, np.arange(100, 200_000)
    for load, low, high in ((0.3, 0.95, 1), (1.0, 0.4, 0.7), (4.0, 0, 0.02)):
        N = int(np.interp(load, 2 * sizes * np.log(sizes) / d**2, sizes))
        found = capacity.simulate_recall(N, d, replicas=200, seed=N)
        assert low - 3 * found.stderr <= found.mean <= high + 3 * found.stderr
        assert found.mean == pytest.approx(capacity.recall_probability(N, d), abs=0.03 + 3 * found.stderr)


def test_normal_approximation_of_recall():
    assert capacity.recall_probability(1, 4) == pytest.approx(1)
    # Dimensions where one minus a tail is lost in double precision: far below the load 1 all is recalled.
    assert capacity.recall_probability(1e15, 1e9) == pytest.approx(1, abs=1e-6)
    for N, d in ((13, 32), (51, 32), (200, 64)):
        found = capacity.simulate_recall(N, d, replicas=10_000, seed=N)
        assert found.mean == pytest.approx(capacity.recall_probability(N, d), abs=0.02 + 3 * found.stderr)


# -- the triplet law --------------------------------------------------------------------------------------


def trained_matrices(beta, T, d, k, omega, replicas, seed):
    """Whole story from the definition: sample the cut law, count, build the matrix, ask about everything."""
    rng = np.random.default_rng(seed)
    head = zipf(k, beta)
    errors = []
    for _ in range(replicas):
        n = rng.multinomial(T, head / head.sum())
        wrong = np.full(k, 0.5)
        wrong[n > 0] = matrix_memory(head[n > 0], n[n > 0] ** float(omega), d, 1, rng.integers(2**31))[0]
        errors.append(head @ wrong + (1 - head.sum()) / 2)
    return Estimate.from_samples(errors, seed)


@pytest.mark.formula("thm-cap-triplet")
def test_triplet_error_against_trained_matrices():
    """20 configurations. Allowed: 2/T relative for the quick formula (at most 2 %)."""
    rng = np.random.default_rng(17)
    found, given_data, drawn, law, slack = [], [], [], [], []
    for seed in range(20):
        T, d, k = (
            int(np.exp(rng.uniform(np.log(low), np.log(high))))
            for low, high in ((100, 1500), (4, 150), (3, 400))
        )
        beta, omega = rng.uniform(1.2, 2.5), rng.choice([0, 0.3, 0.5, 1, 1.5])
        found.append(trained_matrices(beta, T, d, k, omega, 150, seed))
        same = dict(cut=k, storage=omega, seed=seed)
        given_data.append(capacity.simulate_triplet_error(beta, T, d, replicas=200, **same))
        drawn.append(capacity.simulate_triplet_error(beta, T, d, replicas=200, direct=True, **same))
        law.append(capacity.triplet_error(beta, T, d, k, omega))
        slack.append(2 / T)
    exact, law = Estimate.stack(given_data), np.array(law)
    for other in (found, drawn):
        other = Estimate.stack(other)
        both = Estimate(other.mean, np.hypot(other.stderr, exact.stderr), 200, 0)
        assert both.agreement(exact.mean).passed
    beyond = np.maximum(np.abs(exact.mean - law) - np.array(slack) * law, 0) / exact.stderr
    assert beyond.max() < 4


@pytest.mark.formula("thm-cap-triplet")
@pytest.mark.parametrize(
    ("T", "d", "k", "omega", "value", "within"),
    [
        (2000, 128, 500, 1.0, 0.1512, 1e-4),
        (2000, 128, 500, 0.0, 0.2079, 6e-4),
        (20_000, 512, 30, 1.0, 0.1216, 3e-4),
    ],
)
def test_reference_rows_of_the_triplet_law(T, d, k, omega, value, within):
    assert capacity.triplet_error(1.5, T, d, k, omega) == pytest.approx(value, abs=within)


@pytest.mark.formula("thm-cap-triplet")
def test_triplet_error_of_many_equal_shares():
    """Forty facts, each a fortieth of the norm: the error must know that an item does not disturb itself."""
    for T, k, d in ((400, 40, 64), (600, 60, 100)):
        same = dict(cut=k, storage=0.0, replicas=1000, seed=9)
        exact = capacity.simulate_triplet_error(1.2, T, d, **same)
        assert abs(exact.z(capacity.triplet_error(1.2, T, d, k, 0.0), bias=1 / T)) < 4


@pytest.mark.formula("thm-cap-triplet")
def test_triplet_limits():
    """d = infinity: half the memoriser's error, to the difference of Poisson and binomial. T = infinity."""
    for beta, T, k in ((1.5, 1000, np.inf), (2.0, 300, 40), (1.2, 10_000, 1000)):
        wide = capacity.triplet_error(beta, T, 10**14, k)
        assert wide == pytest.approx(cut_error(beta, T, k) / 2, rel=2 / T)
    for omega, k in ((1.0, np.inf), (0.5, np.inf), (0.0, 30), (1.5, 4), (0.4, 1000)):
        long = capacity.triplet_error(1.5, 10**13, 77, k, omega)
        assert long == pytest.approx(capacity.storage_error(1.5, omega, 77, k), rel=1e-4)
    assert capacity.triplet_error(1.5, 10, 5, cut=1) == pytest.approx(tail_mass(1.5, 1) / 2, rel=1e-3)


@pytest.mark.formula("thm-cap-triplet")
def test_triplet_constants_over_many_decades():
    rng = np.random.default_rng(23)
    for beta, omega in ((1.3, 0.5), (1.5, 1.0), (2.5, 1.5)):
        T, d, k = (np.exp(rng.uniform(0, np.log(1e9), 60)).round() for _ in range(3))
        c_d = capacity.capacity_exponent(beta, omega)
        terms = T ** (1 / beta - 1) + d**-c_d + k ** (1 - beta)
        ratio = capacity.triplet_error(beta, T, d, k, omega) / terms
        assert 0.05 < ratio.min() < ratio.max() < 0.5


@pytest.mark.formula("prop-cap-cut")
def test_when_a_cut_helps():
    far = capacity.triplet_error(1.5, 10.0 ** np.arange(4, 16, 3), 64, storage=0.2)
    assert (np.diff(far) > 0).all()
    assert far[-1] > 0.4
    assert capacity.triplet_error(1.5, 10**15, 64, storage=0.0) == pytest.approx(0.5, abs=1e-3)
    k = np.unique(np.geomspace(1, 1e5, 60).round())
    for omega, least_gain in ((0.0, 0.5), (0.25, 0.2)):
        free = capacity.triplet_error(1.5, 10**5, 64, storage=omega)
        assert capacity.triplet_error(1.5, 10**5, 64, k, omega).min() < (1 - least_gain) * free
    for omega in (0.75, 1.0):  # above 1/2: next to nothing can be gained
        free = capacity.triplet_error(1.5, 10**5, 64, storage=omega)
        assert capacity.triplet_error(1.5, 10**5, 64, k, omega).min() > 0.999 * free
    # simulated, with full matrices: the cut saves a uniform memory of 16 dimensions
    cut, free = trained_matrices(1.5, 2000, 16, 6, 0, 200, 1), trained_matrices(1.5, 2000, 16, 2000, 0, 60, 2)
    assert cut.mean + 4 * cut.stderr < free.mean - 4 * free.stderr


def test_variance_reduction_is_real():
    same = dict(replicas=400, seed=5)
    drawn = capacity.simulate_triplet_error(1.5, 1000, 64, direct=True, **same)
    given_data = capacity.simulate_triplet_error(1.5, 1000, 64, **same)
    assert (drawn.stderr / given_data.stderr) ** 2 > 30
    assert 0.1 < 20 * drawn.stderr / drawn.mean < 0.5


def test_same_seed_same_numbers_and_blocks():
    a = capacity.simulate_triplet_error(1.5, 300, 8, replicas=5, seed=1, direct=True)
    b = capacity.simulate_triplet_error(1.5, 300, 8, replicas=5, seed=1, direct=True)
    assert a.mean == b.mean
    old = capacity._CHUNK
    try:
        capacity._CHUNK = 1000  # many small blocks: another order of drawing, the same law
        small = capacity.simulate_triplet_error(1.5, 300, 8, replicas=300, seed=2, direct=True)
        p = zipf(30, 1.5)
        memories = capacity.simulate_memory_error(p, p, 8, replicas=600, seed=3)
        recall = capacity.simulate_recall(20, 8, replicas=2000, seed=4)
    finally:
        capacity._CHUNK = old
    assert abs(small.z(capacity.triplet_error(1.5, 300, 8), bias=0.02)) < 4
    assert abs(memories.z(capacity.memory_error(p, p, 8))) < 4
    again = capacity.simulate_recall(20, 8, replicas=2000, seed=5)
    assert abs(recall.mean - again.mean) < 4 * np.hypot(recall.stderr, again.stderr)


def test_broadcasting():
    beta, d = np.array([1.5, 2.0])[:, None], np.array([8, 64, 512])
    for f in (
        lambda b, m: capacity.storage_error(b, 1.0, m),
        lambda b, m: capacity.storage_error(b, 0.0, m, cut=9),
        lambda b, m: capacity.storage_error_asymptotic(b, 1.0, m),
        lambda b, m: capacity.threshold_error(b, 10, m),
        lambda b, m: capacity.triplet_error(b, 1000, m, 50, 0.5),
        lambda b, m: capacity.optimal_threshold(b, m).error,
    ):
        whole = f(beta, d)
        assert whole.shape == (2, 3)
        assert whole[1, 2] == pytest.approx(f(2.0, 512), rel=1e-12)
        assert np.ndim(f(1.5, 8)) == 0
    assert capacity.triplet_error(1.5, 10**4, 64, [5, np.inf], [0.0, 1.0]).shape == (2,)


@settings(max_examples=40)
@given(
    st.floats(1.05, 6),
    st.integers(1, 10**15),
    st.integers(1, 10**12),
    st.one_of(st.just(np.inf), st.integers(1, 10**9)),
    st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0]),
)
def test_triplet_error_stays_between_data_and_guessing(beta, T, d, k, omega):
    error = capacity.triplet_error(beta, T, d, k, omega)
    assert np.isfinite(error)
    low = (
        scaling.zipf_sum(lambda p, T: np.exp(-T * p), beta, T) / 2 if np.isinf(k) else tail_mass(beta, k) / 2
    )
    assert low * (1 - 1e-6) - 1e-12 <= error <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: capacity.item_error(1.1, 4), "share"),
        (lambda: capacity.item_error(0.5, 0), "d"),
        (lambda: capacity.item_error(float("nan"), 3), "share"),
        (lambda: capacity.memory_error([0.6, 0.6], [1, 1], 3), "p"),
        (lambda: capacity.memory_error([0.6, 0.2], [1, 1, 1], 3), "weights"),
        (lambda: capacity.memory_error([0.6, 0.2], [0, 0], 3), "weights"),
        (lambda: capacity.memory_error([0.6, -0.2], [1, 1], 3), "p"),
        (lambda: capacity.simulate_memory_error([0.5], [1.0], 3, replicas=1, seed=0), "replicas"),
        (lambda: capacity.simulate_memory_error([0.5], [1.0], 2.5, replicas=2, seed=0), "d"),
        (lambda: capacity.simulate_memory_error([0.5], [1.0], 2, replicas=2, seed=0, device="tpu"), "device"),
        (lambda: capacity.capacity_exponent(1.0, 1.0), "beta"),
        (lambda: capacity.capacity_exponent(1.5, 0.3), "storage"),
        (lambda: capacity.storage_error(1.5, 0.0, 4), "storage"),
        (lambda: capacity.storage_error(1.5, -1.0, 4, cut=3), "storage"),
        (lambda: capacity.storage_error(1.5, 1.0, 4, cut=0), "cut"),
        (lambda: capacity.storage_error_asymptotic(1.5, 1.0, 0), "d"),
        (lambda: capacity.threshold_error(1.5, 0, 4), "threshold"),
        (lambda: capacity.recall_probability(0, 4), "N"),
        (lambda: capacity.simulate_recall(1, 4, replicas=2, seed=0), "N"),
        (lambda: capacity.simulate_recall(3, 4, replicas=2, seed=-1), "seed"),
        (lambda: capacity.triplet_error(1.5, 0, 4), "T"),
        (lambda: capacity.triplet_error(1.5, 10, 4, cut=2.5), "cut"),
        (lambda: capacity.triplet_error(1.5, 10, 4, cut=float("nan")), "cut"),
        (lambda: capacity.simulate_triplet_error(1.01, 10, 4, replicas=2, seed=0), "beta"),
        (lambda: capacity.simulate_triplet_error(1.5, 10, 4, cut=[3, 4], replicas=2, seed=0), "cut"),
    ],
)
def test_bad_input_names_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"^{named}\b"):
        call()
