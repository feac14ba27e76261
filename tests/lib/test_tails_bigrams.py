"""Counting pairs of words: exact sums against brute force, laws against sums, simulation against both.

Comparisons with simulation use `Estimate.agreement`, whose limit on the largest |z| of m points is exceeded
as rarely as one normal number exceeds 3; seeds were fixed before the first run. Each formula also has to
reject a wrong one of the kind that a slip would produce, at the same seed.
"""

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import zeta

from collapse.estimates import Estimate
from collapse.tails import bigrams as b

SETTINGS = settings(max_examples=30)
BETAS = st.floats(1.15, 4.0)


def zipf(size, beta):
    p = np.arange(1, size + 1) ** -float(beta)
    return p / p.sum()


# -- one context ----------------------------------------------------------------------------------------


@given(st.integers(1, 300), st.floats(1e-200, 1))
@example(4, 1.0)
@SETTINGS
def test_deviation_is_the_sum_over_the_law(N, p):
    n = np.arange(N + 1)
    direct = abs(n - N * p) @ stats.binom.pmf(n, N, p)
    assert b.binomial_deviation(N, p) == pytest.approx(direct, rel=1e-9, abs=1e-12)


def test_deviation_of_hopelessly_rare_words():
    """Down to the smallest number there is: twice the mean. (SciPy's own binomial law overflows there.)"""
    tiny = np.array([0, 5e-324, 2.3e-308, 1e-250])
    assert (b.binomial_deviation(4, tiny) == 8 * tiny).all()


def test_deviation_is_below_that_of_a_poisson_count_and_near_it_for_rare_words():
    """The lemma that lets rare words be counted as Poisson: 0 <= delta - delta_N <= 2 p sqrt(Np)."""
    N, p = np.meshgrid(np.array([2, 10, 100, 1e4]), np.array([1e-4, 0.01, 0.1, 0.5]))
    x = N * p
    poisson = 2 * x * stats.poisson.pmf(np.floor(x), x)
    apart = poisson - b.binomial_deviation(N, p)
    assert (apart >= -1e-12).all() and (apart <= 2 * p * np.sqrt(x)).all()


@pytest.mark.parametrize("beta, N", [(1.3, 40), (2.0, 7), (3.5, 200)])
def test_context_error_is_the_brute_sum(beta, N):
    """Two million words one by one; what is left is never seen, and costs half its mass twice."""
    p = np.arange(1, 2_000_001) ** -beta / zeta(beta)
    mode = np.floor(N * p) + 1
    total = (mode * (1 - p) * stats.binom.pmf(mode, N, p)).sum() / N
    left = zeta(beta, 2_000_001) / zeta(beta)
    assert b.context_error(beta, N) == pytest.approx(total + left, rel=1e-6)


@pytest.mark.parametrize("beta, N, k", [(1.5, 9, 1), (1.5, 9, 4), (2.5, 60, 12), (1.2, 25, 200)])
def test_cut_context_error_is_the_brute_sum(beta, N, k):
    p = np.arange(1, k + 1) ** -beta / zeta(beta)
    n = np.arange(N + 1)
    short = np.maximum(p[:, None] - n / N, 0) * stats.binom.pmf(n, N, (p / p.sum())[:, None])
    assert b.context_error(beta, N, k) == pytest.approx(1 - p.sum() + short.sum(), rel=1e-12)


@pytest.mark.formula("thm-bigram-context")
def test_context_error_agrees_with_simulation_in_thirty_configurations():
    rng = np.random.default_rng(5)
    found, theory, wrong = [], [], []
    for seed in range(30):
        beta, N = rng.uniform(1.2, 4), int(10 ** rng.uniform(0.3, 3))
        found.append(b.simulate_context_error(beta, N, replicas=400, seed=seed))
        theory.append(b.context_error(beta, N))
        wrong.append(b.context_error(beta, N + 1))
    found = Estimate.stack(found)
    assert found.agreement(np.array(theory)).passed
    assert not found.agreement(np.array(wrong)).passed


@pytest.mark.formula("thm-bigram-context")
def test_context_law_has_the_stated_error_on_both_sides_of_two():
    """Error times N^(1 - 1/(2 beta + 2)) stays bounded; either term alone is far off."""
    N = np.array([1e3, 1e4, 1e5, 1e6])
    for beta in (1.25, 1.5, 1.9, 2.0, 2.1, 3.0, 4.0):
        law, exact = b.context_error_asymptotic(beta, N), b.context_error(beta, N)
        rest = abs(law - exact) * N ** (1 - 1 / (2 * beta + 2))
        assert (rest < 0.1).all(), beta
        assert law[-1] == pytest.approx(exact[-1], rel=2e-4), beta
        if beta != 2:
            K, S = b.context_constants(beta)
            terms = K * N ** (1 / beta - 1), S * N**-0.5
            assert (abs(terms[0] - exact) > 20 * abs(law - exact)).all()
            assert (abs(terms[1] - exact) > 20 * abs(law - exact)).all()


@pytest.mark.formula("thm-bigram-context")
def test_context_constants():
    """Values computed independently, the sign of each, the sum of square roots above 2, continuity at 2."""
    for beta, K in ((1.25, 1.3413), (1.5, 1.6923), (1.75, 2.8700)):
        assert b.context_constants(beta).tail == pytest.approx(K, abs=5e-5)
        assert b.context_constants(beta).head < 0
    p = np.arange(1, 3_000_001) ** -4.0 / zeta(4.0)
    head = np.sqrt(p * (1 - p)).sum() / np.sqrt(2 * np.pi)
    assert b.context_constants(4.0).head == pytest.approx(head, rel=1e-6)
    assert b.context_constants(4.0).tail < 0
    near = b.context_error_asymptotic([2 - 1e-5, 2.0, 2 + 1e-5], 1000)
    assert near == pytest.approx(near[1], rel=1e-4)


def test_continued_zeta():
    """Known values, and the limit that defines it."""
    assert b._continued_zeta(2.0) == pytest.approx(np.pi**2 / 6, rel=1e-13)
    assert b._continued_zeta(0.75) == pytest.approx(-3.4412853869452228, rel=1e-12)
    j = np.arange(1, 10**6 + 1)
    for s in (0.55, 0.75, 0.9, 1.3):
        partial = (j**-s).sum() - 1e6 ** (1 - s) / (1 - s)
        assert abs(partial - b._continued_zeta(s)) <= 1e6**-s


@given(BETAS, st.integers(1, 2000))
@SETTINGS
def test_more_words_never_hurt_the_distance(beta, N):
    few, more = b.context_error(beta, [N, N + 1])
    assert 0 < more < few <= 1
    assert b.context_error(beta, 1) == pytest.approx(1 - zeta(2 * beta) / zeta(beta) ** 2, rel=1e-10)


@pytest.mark.formula("prop-bigram-cut")
@given(BETAS, st.integers(1, 5000), st.integers(1, 200))
@SETTINGS
def test_cut_floor_and_its_bound(beta, N, k):
    floor = zeta(beta, k + 1) / zeta(beta)
    p = np.arange(1, k + 1) ** -beta / zeta(beta)
    above = b.context_error(beta, N, k) - floor
    assert -1e-12 <= above <= (p * np.exp(-N * p / p.sum() * floor**2 / 2)).sum() + 1e-12


@pytest.mark.formula("prop-bigram-cut")
def test_cut_context_error_agrees_with_simulation_in_twenty_configurations():
    rng = np.random.default_rng(6)
    found, theory, wrong = [], [], []
    for seed in range(20):
        beta, k = rng.uniform(1.2, 2.5), int(rng.integers(2, 12))
        N = int(10 ** rng.uniform(-0.5, 0.7) * k**beta * zeta(beta)) + 1  # about where word k is seen
        found.append(b.simulate_context_error(beta, N, k, replicas=500, seed=100 + seed))
        theory.append(b.context_error(beta, N, k))
        # a slip: what the uncut learner has, plus the floor
        wrong.append(b.context_error(beta, N) + zeta(beta, k + 1) / zeta(beta))
    found = Estimate.stack(found)
    assert found.agreement(np.array(theory)).passed
    assert not found.agreement(np.array(wrong)).passed


# -- Zipf contexts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "T, beta, beta_ctx", [(1, 1.5, 2.0), (50, 1.5, 1.5), (200, 1.3, 2.2), (300, 2.5, 1.3)]
)
def test_bigram_error_is_the_brute_sum(T, beta, beta_ctx):
    """Twenty thousand contexts one by one, the rest to first order: p (1 - Tp (1 - g(1)))."""
    p = np.arange(1, 20_001) ** -beta_ctx / zeta(beta_ctx)
    g = b.context_error(beta, np.arange(1, T + 1))
    n, total = np.arange(1, T + 1), 0.0
    for part in np.array_split(p, 100):
        total += part @ ((1 - part) ** T + stats.binom.pmf(n, T, part[:, None]) @ g)
    rest = zeta(beta_ctx, 20_001) / zeta(beta_ctx)
    rest -= T * (1 - g[0]) * zeta(2 * beta_ctx, 20_001) / zeta(beta_ctx) ** 2
    assert b.bigram_error(beta, beta_ctx, T) == pytest.approx(total + rest, rel=2e-5)


@pytest.mark.formula("thm-bigram-zipf")
def test_bigram_error_agrees_with_simulation_in_twenty_configurations():
    rng = np.random.default_rng(7)
    found, theory, wrong = [], [], []
    for seed in range(20):
        beta, beta_ctx = rng.uniform(1.2, 3.5, 2)
        T, k = int(10 ** rng.uniform(1, 3.3)), None if seed % 2 else int(rng.integers(2, 60))
        found.append(b.simulate_bigram_error(beta, beta_ctx, T, k, replicas=150, seed=200 + seed))
        theory.append(b.bigram_error(beta, beta_ctx, T, k))
        wrong.append(b.bigram_error(beta_ctx, beta, T, k))
    found = Estimate.stack(found)
    assert found.agreement(np.array(theory)).passed
    assert not found.agreement(np.array(wrong)).passed


@pytest.mark.formula("thm-bigram-zipf")
@pytest.mark.parametrize(
    "beta, beta_ctx, gap", [(1.5, 3.0, 1 / 6), (1.5, 1.2, 1 / 6), (3.0, 1.3, 0.5 - 0.3 / 1.3)]
)
def test_leading_terms_are_approached_as_the_next_exponent_says(beta, beta_ctx, gap):
    """What is missing falls like T to the difference of the two smallest exponents, contexts' and rows'."""
    T = np.array([1e4, 1e6, 1e8])
    missing = 1 - b.bigram_error(beta, beta_ctx, T) / b.bigram_error_asymptotic(beta, beta_ctx, T)
    assert missing[2] / missing[1] == pytest.approx(100**-gap, rel=0.05)
    assert 0 < missing[2] < missing[1] < missing[0]


@pytest.mark.formula("thm-bigram-zipf")
@pytest.mark.parametrize("beta, beta_ctx, power", [(1.5, 1.5, 1 / 3), (3.0, 2.0, 1 / 2)])
def test_a_tie_grows_by_the_stated_amount_per_e_fold(beta, beta_ctx, power):
    T = np.array([1e6, 1e7, 1e8])
    step = np.diff(b.bigram_error(beta, beta_ctx, T) * T**power) / np.log(10)
    law = b.bigram_error_asymptotic(beta, beta_ctx, np.e) * np.e**power
    assert step[-1] == pytest.approx(law, rel=0.05)
    assert abs(step[-1] - law) < abs(step[0] - law)


def test_rows_computed_independently_of_the_library():
    assert b.context_error([1.5, 1.75, 3.0], [1000, 5000, 1000]) == pytest.approx(
        [0.139991, 0.043126, 0.018794], abs=6e-7
    )
    table = [b.bigram_error(*row) for row in ((1.5, 1.5, 3000), (1.5, 2.5, 3000), (3.0, 3.0, 3000))]
    assert table == pytest.approx([0.301247, 0.151628, 0.021219], abs=2e-5)
    T = np.array([1e3, 1e4, 1e5, 1e6])
    assert b.bigram_error(1.5, 1.5, T) * T ** (1 / 3) == pytest.approx([3.796, 4.967, 6.201, 7.479], abs=2e-3)
    assert b.bigram_error_asymptotic(1.5, 3.0, 1) == pytest.approx(2.462, abs=1e-3)
    worse = b.simulate_context_divergence(
        1.5, [300, 3000, 30_000, 300_000], 10**5, "witten-bell", 30, replicas=3000, seed=1
    )
    assert abs(worse.mean - [0.815, 0.877, 1.179, 1.492]) == pytest.approx(0, abs=0.005)


# -- strings ---------------------------------------------------------------------------------------------


@pytest.mark.formula("prop-bigram-strings")
@given(st.integers(2, 5), st.integers(0, 4), st.floats(0.5, 4), st.integers(0, 10**6))
@SETTINGS
def test_strings_of_cut_rows(words, L, beta, seed):
    """All strings of a small language, every context with its own order of words."""
    rng = np.random.default_rng(seed)
    k, base = int(rng.integers(1, words + 1)), zipf(words, beta)
    real, cut = np.zeros((2, words, words))
    for i in range(words):
        order = rng.permutation(words)
        real[i, order] = base
        cut[i, order[:k]] = base[:k] / base[:k].sum()
    start = rng.dirichlet(np.ones(words))
    strings = np.array(list(product(range(words), repeat=L + 1)))
    p, q = (start[strings[:, 0]] * rows[strings[:, :-1], strings[:, 1:]].prod(axis=1) for rows in (real, cut))
    tail = max(0.0, 1 - base[:k].sum())
    assert b.string_error(tail, L) == pytest.approx(abs(p - q).sum() / 2, abs=1e-12)


# -- smoothing and perplexity ----------------------------------------------------------------------------


@pytest.mark.formula("thm-bigram-perplexity")
@pytest.mark.parametrize("test", ["real", "generated"])
@pytest.mark.parametrize("N, V, a, k", [(1, 5, 1.0, 2), (30, 12, 0.1, 12), (90, 60, 0.01, 7)])
def test_divergence_is_the_brute_sum(N, V, a, k, test):
    p = zipf(V, 1.4)
    q = np.where(np.arange(V) < k, p, 0) / p[:k].sum()
    t = p if test == "real" else q
    n = np.arange(N + 1)
    log = stats.binom.pmf(n, N, q[:, None]) @ np.log((n + a) / (N + a * V))
    direct = (t * (np.log(np.where(t > 0, t, 1)) - log)).sum()
    assert b.context_divergence(1.4, N, V, a, k, test=test) == pytest.approx(direct, rel=1e-9)


@pytest.mark.formula("thm-bigram-perplexity")
def test_divergence_agrees_with_simulation_in_thirty_configurations():
    rng = np.random.default_rng(8)
    found, theory, wrong = [], [], []
    for seed in range(30):
        beta, N = rng.uniform(1.1, 3), int(10 ** rng.uniform(0.3, 4))
        V = int(10 ** rng.uniform(1, 3.7))
        rule = {"vocabulary": V, "smoothing": 10 ** rng.uniform(-4, 0), "k": int(rng.integers(1, V + 1))}
        rule["test"] = "real" if seed % 3 else "generated"
        found.append(b.simulate_context_divergence(beta, N, **rule, replicas=300, seed=300 + seed))
        theory.append(b.context_divergence(beta, N, **rule))
        wrong.append(b.context_divergence(beta, N, **(rule | {"smoothing": 1.1 * rule["smoothing"]})))
    found = Estimate.stack(found)
    assert found.agreement(np.array(theory)).passed
    assert not found.agreement(np.array(wrong)).passed


@pytest.mark.formula("thm-bigram-perplexity")
def test_moments_take_over_smoothly_from_the_sum_over_counts():
    """Binomial means of ln(n + a) on either side of the switch, against the full sum."""
    N, a, q = 5000, 0.3, np.array([0.5, 0.0801, 0.0799, 0.02, 1e-4])
    n = np.arange(N + 1)
    full = stats.binom.pmf(n, N, q[:, None]) @ np.log(n + a)
    assert b._mean_log(q, N, a) == pytest.approx(full, rel=1e-8)


def test_divergence_of_a_long_vocabulary_is_that_of_the_plain_sum():
    """Beyond 1024 words a spline stands in for most of them."""
    V, N, a = 4000, 3000, 0.02
    q = zipf(V, 1.3)
    plain = b._few_average(lambda n: np.log(n + a), N, q[3:])  # the first three are seen too often for it
    assert b._mean_log(q, N, a)[3:] == pytest.approx(plain, rel=1e-6)


@pytest.mark.formula("thm-bigram-perplexity")
@pytest.mark.parametrize("beta, V, k", [(1.2, 3000, 8), (1.5, 10**5, 30), (2.5, 500, 5)])
def test_perplexity_on_a_cut_row_gets_worse_by_the_lost_mass_per_e_fold(beta, V, k):
    p = zipf(V, beta)
    lost = p[k:].sum()
    N = np.array([300, 3000, 30_000]) / p[k - 1]
    N = N.round()
    rule = {"vocabulary": V, "smoothing": k / V, "k": k}
    exact = b.context_divergence(beta, N, **rule)
    assert np.diff(exact)[-1] / np.log(10) == pytest.approx(lost, rel=2e-3)
    rest = abs(b.cut_divergence_asymptotic(beta, N, **rule) - exact)
    assert (rest < 3 * np.array([300, 3000, 30_000.0]) ** -2).all()  # O(N^-2), with k, a fixed
    # The coefficient of 1/N itself: without it the law misses by b/N
    slope = (exact - b.cut_divergence_asymptotic(beta, 1e300, **rule) + lost * np.log(1e300 / N)) * N
    assert slope[1] == pytest.approx(b._return(b._row(beta, V, k), k / V), rel=0.02)
    generated = b.context_divergence(beta, N, **rule, test="generated")
    assert (np.diff(generated) < 0).all() and generated[-1] < 1e-3


@pytest.mark.formula("thm-bigram-perplexity")
def test_witten_bell_is_additive_smoothing_once_all_kept_words_are_seen():
    for k, V in ((5, 50), (30, 10**4)):
        q = zipf(V, 1.5)[:k]
        N = int(30 * q.sum() / q[-1])
        run = b.simulate_context_divergence(1.5, N, V, "witten-bell", k, replicas=4000, seed=k)
        assert run.agreement(b.context_divergence(1.5, N, V, k / V, k)).passed
        assert not run.agreement(b.context_divergence(1.5, N, V, (k + 1) / V, k)).passed


@pytest.mark.formula("thm-bigram-perplexity")
@given(st.integers(0, 10**6), st.floats(-9, 0), st.integers(1, 19), BETAS)
@SETTINGS
def test_every_guess_is_bad_on_one_of_the_two_texts(seed, weight, k, beta):
    rng, p = np.random.default_rng(seed), zipf(20, beta)
    q = np.where(np.arange(20) < k, p, 0) / p[:k].sum()
    mix = 10**weight
    guess = (1 - mix) * q + mix * rng.dirichlet(np.full(20, 0.5))
    guess = np.maximum(guess, 1e-290)
    real = (p * np.log(p / guess)).sum()
    generated = max((q[:k] * np.log(q[:k] / guess[:k])).sum(), 1e-16)
    lost, kept = p[k:].sum(), p[:k].sum()
    # `generated` is a sum that nearly cancels: its rounding shows in the sixth digit at the smallest weights
    assert real >= lost * np.log(lost / generated) + kept * np.log(kept) - 1e-6
    # The best guess gives the cut words their proportions: the bound is reached but for about e
    e = 10 ** (weight / 2 - 1)
    best = np.where(np.arange(20) < k, (1 - e) * q, e * p / lost)
    gap = (p * np.log(p / best)).sum() - lost * np.log(lost / -np.log1p(-e)) - kept * np.log(kept)
    assert gap == pytest.approx(lost * np.log(-np.log1p(-e) / e) - kept * np.log1p(-e), abs=1e-12)
    assert 0 < gap < 1.1 * e


@pytest.mark.formula("thm-bigram-perplexity")
@pytest.mark.parametrize("k, V", [(5, 100), (30, 10**5)])
def test_turning_size_is_the_minimum(k, V):
    rule = {"vocabulary": V, "smoothing": k / V, "k": k}
    turn = b.turning_size(1.5, **rule)
    at = b.context_divergence(1.5, np.round(turn * np.array([0.5, 0.9, 1, 1.1, 2])), **rule)
    assert at.argmin() == 2


@pytest.mark.formula("prop-bigram-smooth")
@pytest.mark.parametrize("beta, V, N", [(1.7, 10**6, 20_000), (2.0, 10**5, 20_000), (3.0, 10**4, 2_000_000)])
def test_witten_bell_law_is_approached(beta, V, N):
    """Within 3/D_N and the mass beyond the vocabulary; with any term left out it is not."""
    run = b.simulate_context_divergence(beta, N, V, "witten-bell", replicas=100, seed=9)
    law = b.witten_bell_divergence_asymptotic(beta, N, V)
    c = 1 - 1 / beta
    distinct = float(np.exp(b.gammaln(c)) * (N / zeta(beta)) ** (1 / beta))
    allowed = 3 / distinct + (N ** (1 / beta) / V) ** (beta - 1)
    assert run.agreement(law, bias=allowed).passed
    unit = zeta(beta) ** (-1 / beta) / beta * N**-c * np.exp(b.gammaln(c))
    slips = [-beta, -b.digamma(c), np.log(distinct / N)]
    if beta == 3:  # elsewhere seen words cost too little to be missed
        slips.append(-b._seen_cost(beta) / np.exp(b.gammaln(c)))
    for slip in slips:
        assert not run.agreement(law + slip * unit, bias=allowed).passed


def test_cost_of_seen_words_is_the_plain_integral():
    """A crude sum over Poisson counts on a fine grid."""
    x = np.geomspace(1e-6, 300, 3001)
    n = np.arange(1, 700)
    cost = (stats.poisson.pmf(n, x[:, None]) * (np.log(x)[:, None] - np.log(n))).sum(1)
    for beta in (1.5, 2.0, 3.0):
        rest = 300 ** (-1 / beta) * beta / 2
        plain = np.trapezoid(cost * x ** (1 - 1 / beta), np.log(x)) + rest
        assert b._seen_cost(beta) == pytest.approx(plain, abs=2e-3)


def test_entropy_falls_with_the_cut():
    entropy = [b.row_entropy(1.5, 1000, k) for k in (1, 10, 100, 1000)]
    assert entropy[0] == 0 and (np.diff(entropy) > 0).all()
    assert entropy[-1] == pytest.approx(stats.entropy(zipf(1000, 1.5)))


# -- arguments -------------------------------------------------------------------------------------------

BAD = [
    (lambda: b.binomial_deviation(0, 0.5), "N must be >= 1"),
    (lambda: b.binomial_deviation(3, 1.5), "p must be between 0 and 1"),
    (lambda: b.context_error(1.0, 10), "beta must be > 1"),
    (lambda: b.context_error(1.5, 2.5), "N must be a whole number"),
    (lambda: b.context_error(1.5, 10, 0), "k must be >= 1"),
    (lambda: b.context_error([1.5, 2.0], [1, 2, 3]), "must broadcast"),
    (lambda: b.context_error(np.nan, 10), "beta must be finite"),
    (lambda: b.context_constants(2.0), "beta must not be 2"),
    (lambda: b.context_constants([1.5, 3.0]), "beta must be a single number"),
    (lambda: b.context_error_asymptotic(1.5, 0.5), "N must be >= 1"),
    (lambda: b.bigram_error(1.5, 0.9, 10), "beta_ctx must be > 1"),
    (lambda: b.bigram_error_asymptotic(2.0, 1.5, 10), "beta must not be 2"),
    (lambda: b.bigram_error_asymptotic(1.5, 1.5, -1), "T must be > 0"),
    (lambda: b.simulate_context_error(1.5, 10, replicas=1, seed=0), "replicas must be >= 2"),
    (lambda: b.simulate_context_error(1.5, 10**9, replicas=2, seed=0), "must span at most"),
    (lambda: b.simulate_bigram_error(1.5, 1.5, 10, replicas=5, seed=-1), "seed must be >= 0"),
    (lambda: b.string_error(-0.1, 3), "tail must be between"),
    (lambda: b.string_error(0.1, -1), "length must be >= 0"),
    (lambda: b.context_divergence(1.5, 10, 1, 0.1), "vocabulary must be >= 2"),
    (lambda: b.context_divergence(1.5, 10, 50, 0.0), "smoothing must be > 0"),
    (lambda: b.context_divergence(1.5, 10, 50, 0.1, 51), "k must be <= the vocabulary, 50"),
    (lambda: b.context_divergence(1.5, 10, 50, 0.1, test="both"), "test must be one of"),
    (lambda: b.context_divergence(1.5, 10, 10**9, 0.1), "vocabulary must span at most"),
    (
        lambda: b.simulate_context_divergence(1.5, 10, 50, "good-turing", replicas=5, seed=0),
        "smoothing must be one of",
    ),
    (lambda: b.cut_divergence_asymptotic(1.5, 0, 50, 0.1, 5), "N must be >= 1"),
    (lambda: b.turning_size(1.5, 50, 0.1, 50), "k must be < the vocabulary"),
    (lambda: b.witten_bell_divergence_asymptotic(0.5, 10, 50), "beta must be > 1"),
]


@pytest.mark.parametrize("call, message", BAD)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_extreme_arguments():
    """Near one, far from one, one word, a hundred million words: finite, in range, in order."""
    assert 0 < b.context_error(1.01, 1000) < 1
    assert b.context_error(50.0, 10) < 1e-12
    big = [10**7, 10**8]
    assert b.context_error(2.5, big) == pytest.approx(b.context_error_asymptotic(2.5, big), rel=1e-4)
    assert b.context_divergence(1.5, 10**9, 100, 0.1, 1) == pytest.approx(
        b.cut_divergence_asymptotic(1.5, 1e9, 100, 0.1, 1), rel=1e-9
    )
    assert b.string_error([0, 1, 1], [5, 0, 5]).tolist() == [0, 0, 1]


def test_shapes_and_seeds():
    assert b.context_error(1.5, np.ones((2, 3))).shape == (2, 3)
    assert b.bigram_error(1.5, 2.0, [[10], [20]]).shape == (2, 1)
    draws = [b.simulate_bigram_error(1.5, 2.0, [10, 20], replicas=5, seed=s).mean for s in (1, 1, 2)]
    assert (draws[0] == draws[1]).all() and (draws[0] != draws[2]).any()
    run = b.simulate_context_divergence(1.5, [[10], [2000]], 1000, "witten-bell", replicas=5, seed=0)
    assert run.mean.shape == (2, 1)


def test_sampling_by_words_and_by_counts_have_one_law():
    """Fewer draws than words are drawn one by one, more as a multinomial; either must give the theory."""
    for N in (400, 600):
        run = b.simulate_context_divergence(1.5, N, 500, 0.05, replicas=1000, seed=N)
        assert run.agreement(b.context_divergence(1.5, N, 500, 0.05)).passed
