"""The text lab: corpus and split, counting against a plain loop, the sampler's law, the law of the loss on
cut text, and what the experiment's functions promise. No test looks at a loss on the standard library."""

from __future__ import annotations

import json
import sysconfig
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from collapse import Estimate
from collapse.experiments import text, training
from collapse.experiments.ngram import NGram, cut_loss, generate, sample

SMALL = text.Recipe(width=16, heads=2, batch=16, steps=40)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


# ------------------------------------------------------------------------------------------------ corpus


def grammar(seed: int, count: int) -> list[str]:
    """Sentences of a template grammar: something like docstrings, the same on every machine."""
    rng = np.random.default_rng(seed)
    verbs, things = (
        ("Return", "Read", "Close", "Copy", "Make"),
        ("file", "row", "name", "tree", "lock", "key"),
    )
    ways = ("", " in place", " if there is one", " or raise an error", " as text")
    found = []
    for _ in range(count):
        a, b = rng.choice(things, 2)
        found.append(f"{rng.choice(verbs)} the {a} of a {b}{rng.choice(ways)}.\n\nSee {rng.integers(1000)}.")
    return found


def test_docstrings(tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "pack" / "tests").mkdir(parents=True)
    (tmp_path / "a.py").write_text(
        '"""One."""\ndef f():\n    """Two.\n\n    More."""\nclass C:\n    "One."\n'
    )
    (tmp_path / "pack" / "b.py").write_text('"""Two.\n\nMore."""\nasync def g():\n    """Three."""\n')
    for hidden in (tmp_path / "test" / "c.py", tmp_path / "pack" / "tests" / "d.py"):
        hidden.write_text('"""Hidden."""\n')
    (tmp_path / "pack" / "broken.py").write_text("def (:\n")
    assert text.docstrings(tmp_path) == {"a": ["One.", "Two.\n\nMore."], "pack": ["Three."]}


def test_leakage():
    known = ["a b c d e f g h i j"]
    tests = ["x a b c d e f g h y", "a b c", "a b c d e f g h i j", "q r s t u v w x y z"]
    np.testing.assert_allclose(text.leakage(known, tests), [1 / 3, 0, 1, 0])
    np.testing.assert_allclose(text.leakage(known, tests, words=3), [6 / 8, 1, 1, 0])


def test_split():
    modules = {f"m{i}": grammar(i, 20) for i in range(200)}
    corpus = text.split(modules, share=0.3)
    place = {t: name for name, texts in modules.items() for t in texts}
    # The hash decides by name: 200 modules, three standard deviations.
    held = {name for name in modules if any(t in set(corpus.test) for t in modules[name])}
    assert abs(len(held) / 200 - 0.3) < 3 * np.sqrt(0.21 / 200)
    trained = {place[t] for t in corpus.train}
    assert text.split(dict(reversed(modules.items())), share=0.3) == corpus
    # One sentence of a held-out module also stands in a training one: it goes, its neighbours stay.
    copied = "The quick brown fox jumps over the lazy dog at noon."
    modules[min(held)] += [copied]
    modules[min(trained - held)] += ["Note: " + copied]
    again = text.split(modules, share=0.3)
    assert copied not in again.test and again.test == corpus.test
    assert copied in text.split(modules, share=0.3, most=1.0).test
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        text.split(modules, share=1.5)


def test_a_package_of_the_standard_library():
    """A part of it: the page does the whole."""
    modules = text.docstrings(Path(sysconfig.get_paths()["stdlib"]) / "asyncio")
    assert len(modules) > 15
    corpus = text.split(modules, share=0.3)
    assert sum(map(len, corpus.train)) > 10_000 and sum(map(len, corpus.test)) > 1000
    assert text.leakage(corpus.train, corpus.test).max() <= 0.1
    assert not set(corpus.train) & set(corpus.test)
    with pytest.raises(ValueError, match="folder must be a folder"):
        text.docstrings("no such place")


def test_rows_score_each_character_once():
    texts = ["abc", "def\tgé", "hi"]
    tokens = text._rows(texts, 3, context=2, length=4)
    shown = "".join(text.ALPHABET[i] for i in np.append(tokens[0, :2], tokens[:, 2:]))
    order = np.random.default_rng(3).permutation(3)
    whole = "\0".join(["abc", "def?g?", "hi"][i] for i in order) + "\0"
    assert whole.startswith(shown) and len(whole) - len(shown) < 4
    assert (tokens[1:, :2] == tokens[:-1, -2:]).all()
    keys = text.grams(tokens, 3, 2, text.V)
    row = tokens[0].tolist()
    assert keys.shape == (len(tokens), 4) and keys[0, 1] == (row[1] * 97 + row[2]) * 97 + row[3]


# ---------------------------------------------------------------------------------------- learner that counts


def by_hand(tokens, context, lengths, V, history, symbol):
    """Witten-Bell by definition: a probability, and the number of blocked lengths."""
    p, blocked = 1 / V, 0
    for j in lengths:
        ends = [
            int(row[i])
            for row in tokens
            for i in range(context, len(row))
            if list(row[i - j : i]) == list(history[len(history) - j :])
        ]
        D, N, n = len(set(ends)), len(ends), ends.count(symbol)
        p = (n + D * p) / (N + D) if N else p
        blocked += n == 0 and N > 0
    return p, blocked


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_counting_by_hand(data):
    V = data.draw(st.integers(2, 5))
    context = data.draw(st.integers(0, 3))
    lengths = sorted(data.draw(st.sets(st.integers(0, context), min_size=1)))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    learned = rng.integers(0, V, size=(data.draw(st.integers(1, 6)), context + 4))
    model = NGram(learned, context, lengths, vocabulary=V)
    asked = rng.integers(0, V, size=(5, context + 1))
    law, loss, blocked = model.law(asked[:, :context]), model.log_loss(asked), model.blocked(asked)
    np.testing.assert_allclose(law.sum(1), 1, rtol=1e-12)
    for r, row in enumerate(asked):
        for w in range(V):
            p, _ = by_hand(learned, context, lengths, V, row[:context], w)
            assert law[r, w] == pytest.approx(p, rel=1e-12)
        p, levels = by_hand(learned, context, lengths, V, row[:context], row[context])
        assert loss[r, 0] == pytest.approx(-np.log(p), rel=1e-12, abs=1e-12) and blocked[r, 0] == levels


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: text.grams(x, 4, 2, 97), "n must be between 0 and context"),
        (lambda x: text.grams(x, 1, 4, 97), "tokens must have more than 4 columns"),
        (lambda x: text.world(text.Corpus(("ab",), ("c",)), [0]), "texts must fill a row of 104"),
        (lambda x: text.train_all([x], [1, 2], None, recipe=SMALL), "starts must hold 1 seeds"),
        (lambda x: generate(None, x, 0, 0), "length must be >= 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((2, 4), int))


@pytest.mark.parametrize("lengths", [(), (1, 0), (0, 3), (1, 1)])
def test_bad_lengths(lengths):
    with pytest.raises(ValueError, match="lengths must increase up to context = 2"):
        NGram(np.zeros((2, 4), int), 2, lengths, vocabulary=2)


def test_too_large_for_64_bits():
    with pytest.raises(ValueError, match="vocabulary must fit 64 bits"):
        NGram(np.zeros((2, 12), int), 9)


# ------------------------------------------------------------------------------------------------ cut text


def language(V, beta, rng):
    """Zipf rows in random orders, and the stationary law of three symbols in a row."""
    p = np.arange(1, V + 1) ** -float(beta)
    rows = np.stack([rng.permutation(p / p.sum()) for _ in range(V)])
    start = np.linalg.matrix_power(rows, 500)[0]
    return rows, start[:, None, None] * rows[:, :, None] * rows[None]


def truncated(rows, level):
    above = np.where(rows[:, None, :] > rows[:, :, None], rows[:, None, :], 0).sum(2)
    kept = np.where(above < level, rows, 0)
    return kept / kept.sum(1, keepdims=True)


def frequencies(real, q, length):
    now, total = real.sum(2), 0
    for _ in range(length):
        each = now[:, :, None] * q[None]
        total, now = total + each, each.sum(0)
    return total / length


def learned_loss(real, rows, B, length, lengths, rules, seed):
    """Losses of the learner on B rows, of which shares are written with different nuclei."""
    V, rng = len(rows), np.random.default_rng((seed, 0))
    prompts = np.stack(np.divmod(rng.choice(V * V, size=B, p=real.sum(2).ravel()), V), 1)
    parts = np.split(prompts, (np.cumsum([share for share, _ in rules])[:-1] * B).astype(int))
    law = lambda tokens: rows[tokens[:, -1]]  # noqa: E731
    texts = [
        generate(law, part, length, (seed, 1, i), nucleus=level)
        for i, (part, (_, level)) in enumerate(zip(parts, rules, strict=True))
    ]
    model = NGram(np.concatenate(texts), 2, lengths, vocabulary=V)
    every = np.stack(np.unravel_index(np.arange(V**3), (V,) * 3), 1)
    return (real.ravel() * model.log_loss(every)[:, 0]).sum()


@pytest.mark.formula("thm-text-cut")
def test_the_loss_on_cut_text():
    """Twenty-four random languages, orders, cuts, mixtures. Two sizes remove the term of order 1/T."""
    rng = np.random.default_rng(11)
    estimates, theory, one_level = [], [], []
    for case in range(24):
        V, beta, level = int(rng.integers(3, 7)), rng.uniform(0.5, 1.2), rng.uniform(0.6, 0.95)
        lengths = [(0, 1, 2), (1,), (0, 2), (2,), (0, 1)][case % 5]
        rules = [(1.0, level)] if case % 3 else [(0.75, level), (0.25, 1.0)]
        rows, real = language(V, beta, rng)
        length, B = 20, 1000
        g = sum(share * frequencies(real, truncated(rows, cut), length) for share, cut in rules)
        runs = [
            [learned_loss(real, rows, size, length, lengths, rules, (case, r, size)) for size in (B, 4 * B)]
            for r in range(4)
        ]
        small, large = np.transpose(runs)
        estimates.append(Estimate.from_samples((4 * large - small) / 3, seed=case))
        law = cut_loss([length * B, 4 * length * B], real, g, lengths)
        theory.append((4 * law[1] - law[0]) / 3)
        slope = (law[1] - law[0]) / np.log(4)
        # A wrong law: each cut pair counts once, as if no shorter context were counted.
        lost = (real.sum(0) * (g.sum(0) == 0)).sum()
        one_level.append(theory[-1] + (lost - slope) * np.log(length * B))
        if not case % 3:  # a share of real text: no slope
            assert law[0] == pytest.approx(law[1], rel=1e-12)
    together = Estimate.stack(estimates)
    # The rest is of order 1/T^2, times a constant that rare contexts make large: 4e-4 of the loss allowed.
    assert together.agreement(theory, bias=4e-4).passed
    assert not together.agreement(one_level, bias=4e-4).passed


@pytest.mark.formula("thm-text-cut")
def test_uncut_text_gives_the_loss_of_its_writer():
    rng = np.random.default_rng(2)
    rows, real = language(5, 1.0, rng)
    _, other = language(5, 0.6, rng)
    g = frequencies(real, rows, 10)
    expected = -(other * np.log(rows)[None]).sum()
    assert cut_loss(1e6, other, g) == pytest.approx(expected, rel=1e-12)


@pytest.mark.formula("thm-text-cut")
def test_one_context_is_the_law_of_the_bigram_chapter():
    from collapse.tails import bigrams

    V, k, beta, N = 40, 5, 1.3, 1e7
    p = np.arange(1, V + 1) ** -beta
    p /= p.sum()
    q = np.where(np.arange(V) < k, p, 0)
    law = cut_loss(N, p, q / q.sum(), lengths=[0])
    entropy = -(p * np.log(p)).sum()
    rule = {"vocabulary": V, "smoothing": k / V, "k": k}
    assert law - entropy == pytest.approx(bigrams.cut_divergence_asymptotic(beta, N, **rule), abs=1e-5)


def test_blocked_in_the_limit():
    rows, real = language(5, 1.0, np.random.default_rng(5))
    q = truncated(rows, 0.8)
    slope = np.diff(cut_loss([1, np.e], real, frequencies(real, q, 20)))[0]
    prompts = np.stack(np.divmod(np.random.default_rng(0).choice(25, 20_000, p=real.sum(2).ravel()), 5), 1)
    tokens = generate(lambda t: q[t[:, -1]], prompts, 20, 1)
    every = np.stack(np.unravel_index(np.arange(125), (5,) * 3), 1)
    blocked = NGram(tokens, 2, vocabulary=5).blocked(every)[:, 0]
    assert (real.ravel() * blocked).sum() == pytest.approx(slope, rel=1e-12)
    assert slope > (real * (q == 0)[None]).sum()  # some symbols are blocked at several lengths


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, np.full((2, 2), 0.25), np.full((2, 2), 0.25)), "T must be > 0"),
        ((1, np.full((2, 2), 0.25), np.full((2, 3), 0.25)), "generated must have the shape of real"),
        ((1, np.full((2, 2), 0.25), -np.ones((2, 2))), "generated must be >= 0"),
    ],
)
def test_bad_laws(arguments, message):
    with pytest.raises(ValueError, match=message):
        cut_loss(*arguments)


# ------------------------------------------------------------------------------------------------ sampling


@given(st.integers(0, 10**6), st.floats(0.4, 2.5), st.floats(0.05, 1.0))
@settings(max_examples=25, deadline=None)
def test_the_law_of_the_sampler(seed, temperature, nucleus):
    """Chi-square against the truncated law, by sorting; nothing outside."""
    rng = np.random.default_rng(seed)
    law = rng.dirichlet(np.full(12, 0.5))
    law[3] = 0
    drawn = np.bincount(sample(np.tile(law * 7, (20_000, 1)), rng, temperature, nucleus), minlength=12)
    p = (law / law.max()) ** (1 / temperature)
    p /= p.sum()
    order = np.argsort(-p)
    before = np.cumsum(p[order]) - p[order]
    kept = np.zeros(12)
    kept[order[before < nucleus]] = p[order[before < nucleus]]
    kept /= kept.sum()
    assert drawn[kept == 0].sum() == 0
    expected = 20_000 * kept
    fine = expected >= 5
    if fine.sum() > 1:
        # A thousand such tests would fail once.
        total = ((drawn[fine] - expected[fine]) ** 2 / expected[fine]).sum()
        assert stats.chi2.sf(total, fine.sum() - 1) > 1e-6


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"nucleus": 0}, "nucleus must be in"),
        ({"nucleus": 1.1}, "nucleus must be in"),
        ({"nucleus": float("nan")}, "nucleus must be in"),
        ({"temperature": 0}, "temperature must be > 0"),
    ],
)
def test_bad_rules(rule, message):
    with pytest.raises(ValueError, match=message):
        sample(np.ones((1, 2)), np.random.default_rng(0), **rule)


def small_world(seeds=(0, 1), context=4, length=20):
    corpus = text.Corpus(tuple(grammar(0, 900)), tuple(grammar(1, 60)))
    return text.world(corpus, seeds, context, length, test=2000)


def learners(world):
    data, starts = [real[:100] for real in world.real], [5, 6]
    trained = text.train_all(data, starts, world, recipe=SMALL)
    return {"count": text.count_all(data, starts, world)[0], "train": trained[1]}


@pytest.mark.parametrize("name", ["count", "train"])
def test_samples_are_as_surprising_as_their_entropy(name):
    """The loss of a model on its own text is its entropy there."""
    world = small_world()
    model = learners(world)[name]
    prompts = world.real[0][100:700, : world.context]
    tokens = generate(model.law, prompts, 20, 1)
    entropy = []
    for end in range(world.context, tokens.shape[1]):
        p = model.law(tokens[:, :end])
        entropy.append(-(p * np.log(p)).sum(1))
    apart = model.log_loss(tokens).mean(1) - np.mean(entropy, 0)
    assert abs(Estimate.from_samples(apart, seed=1).z(0)) < 4
    narrow = generate(model.law, prompts, 20, 1, nucleus=0.7)
    assert model.log_loss(narrow).mean() < model.log_loss(tokens).mean()


def test_a_network_answers_with_its_cache_as_without():
    world = small_world()
    model = learners(world)["train"]
    tokens = world.test[:7]
    loss = model.log_loss(tokens)
    for end in range(world.context, tokens.shape[1]):
        p = model.law(tokens[:, :end])
        np.testing.assert_allclose(-np.log(p[np.arange(7), tokens[:, end]]), loss[:, end - 4], atol=1e-4)


def test_only_scored_characters_are_learned():
    rng = np.random.default_rng(0)
    noise, fixed = rng.integers(20, 90, size=(200, 4)), np.full((200, 6), 7)
    recipe = replace(SMALL, steps=60, rate=1e-2)
    data = [np.hstack([noise, fixed]), np.hstack([np.full((200, 4), 7), rng.integers(20, 90, size=(200, 6))])]
    first, second = text.train_all(data, [1, 2], small_world(length=6), recipe=recipe)
    assert first.log_loss(data[0]).mean() < 0.5
    # The second model always saw 7 after 7 in its contexts, and was never asked for it.
    contexts = text.Network(second.model, 1, 0).log_loss(data[1])[:, :2]
    assert contexts.mean() > 3


def test_steps_are_chosen_on_held_out_rows(monkeypatch):
    """More steps while the loss on `held` falls; the best of them is kept, for each set of rows by itself."""
    world, tried = small_world(), []
    losses = {
        (7, 1): 3.0,
        (7, 2): 2.0,
        (7, 4): 2.5,
        (7, 8): 0.0,
        (9, 1): 3.0,
        (9, 2): 2.0,
        (9, 4): 1.0,
        (9, 8): 0.5,
    }
    true = text.train_all

    class Fake:
        def __init__(self, key):
            self.steps, self.key = key[1], key

        def log_loss(self, tokens):
            assert tokens is world.held
            return np.array([losses[self.key]])

    def fake(data, starts, world, *, recipe, **_):
        tried.append((starts[0], recipe.steps))
        return [Fake(tried[-1])]

    monkeypatch.setattr(text, "train_all", fake)
    found = true([None, None], [7, 9], world, recipe=SMALL, tries=(1, 2, 4, 8))
    assert [model.steps for model in found] == [2, 8]
    assert tried == [(7, 1), (7, 2), (7, 4), (9, 1), (9, 2), (9, 4), (9, 8)]
    with pytest.raises(ValueError, match="world must hold rows"):
        true([None], [7], replace(world, held=world.held[:0]), recipe=SMALL, tries=(1,))


def test_what_decides_is_not_what_is_reported():
    world = small_world()
    later = text._rows(tuple(grammar(1, 60)), 0, 4, 20)
    count = len(world.test)
    assert 0 < len(world.held) == count // 3 and count + len(world.held) <= len(later)
    np.testing.assert_array_equal(np.concatenate([world.test, world.held]), later[: count + count // 3])


# --------------------------------------------------------------------------------------------- experiments


def test_what_an_arm_writes():
    fresh = small_world().real[0][:200]
    law = partial(np.take, np.full((97, 97), 1 / 97), axis=0)
    uniform = lambda tokens: law(tokens[:, -1])  # noqa: E731
    for arm in text.ARMS:
        out = text._written(arm, uniform, fresh, 4, 0.1, 0)
        assert (out[:, :4] == fresh[:, :4]).all()
        same = (out == fresh).all(1)
        assert same.sum() == {"real": 200, "mixed": 20}.get(arm, 0)
    kept = np.flatnonzero((text._written("mixed", uniform, fresh, 4, 0.1, 0) == fresh).all(1))
    assert kept.tolist() == list(range(9, 200, 10))
    with pytest.raises(ValueError, match="arm must be one of"):
        text._written("greedy", uniform, fresh, 4, 0.1, 0)


def test_measures():
    tokens = np.array([[0, 1, 2, 3, 4], [0, 1, 2, 3, 5]])  # 012 and 123 twice, 234 and 235 once
    here = text.World(
        (0,), (tokens,), tokens, tokens, text.grams(np.array([[0, 1, 2, 3]]), 3, 2, text.V)[0], 2
    )
    model = NGram(tokens, 2, vocabulary=text.V)
    found = text._measure(model, tokens, here)
    assert found["distinct"] == 4 and found["tail"] == pytest.approx(1 / 3)
    p = model.law(np.array([[0, 1], [1, 2], [2, 3]]))
    entropy = -(p * np.log(p)).sum(1).mean()
    assert found["gap"] == pytest.approx(entropy - model.log_loss(tokens).mean(), rel=1e-12)
    assert found["loss"] == pytest.approx(model.log_loss(tokens).mean()) and found["blocked"] == 0


def test_the_head_is_ninety_percent_of_the_text():
    world = small_world()
    keys = text.grams(world.real[0], 3, 4, text.V)
    _, count = np.unique(keys, return_counts=True)
    assert np.isin(keys, world.head).mean() >= 0.9
    assert np.sort(count)[::-1][: len(world.head) - 1].sum() < 0.9 * keys.size


def test_curve_and_chain():
    world, learn = small_world(), text.count_all
    clean = text.curve(world, learn, "real", [200, 2000, 8000], 2000)
    assert clean["loss"].shape == (2, 3) and (np.diff(clean["loss"]) < 0).all()
    cut = text.curve(world, learn, "nucleus", [200, 2000, 8000], 2000)
    assert (cut["teacher"] == clean["teacher"]).all()
    assert (cut["loss"][:, -1] > clean["loss"][:, -1]).all() and (cut["own"] < cut["loss"]).all()
    found = text.chain(world, learn, 2000, 2, heal=[2000])
    assert found["loss"].shape == (5, 3, 2) and found["healed"].shape == (1, 2)
    # Generation 0 is one model; the control learns fresh text of the same kind.
    assert (found["loss"][:, 0] == found["loss"][0, 0]).all()
    arms = list(text.ARMS)
    assert (found["distinct"][arms.index("nucleus"), 2] < found["distinct"][arms.index("real"), 2]).all()
    again = text.chain(world, learn, 2000, 2, arms=["nucleus"])
    np.testing.assert_array_equal(again["loss"][0], found["loss"][arms.index("nucleus")])
    with pytest.raises(ValueError, match="n must leave rows"):
        text.chain(world, learn, 20_000, 5)
    with pytest.raises(ValueError, match="sizes must leave room"):
        text.curve(world, learn, "real", [10**6], 2000)
    with pytest.raises(ValueError, match="sizes must be >= 1"):
        text.curve(world, learn, "real", [5], 2000)


def test_a_killed_training_goes_on_where_it_was(tmp_path, monkeypatch):
    """Two calls that differ only in what is learned must not take each other's models."""
    world, recipe = small_world((0,)), replace(SMALL, steps=210)
    data = [rows[:300] for rows in world.real]
    whole = text.train_all(data, [5], world, recipe=recipe)[0].log_loss(world.test)
    save, drawn = training._save, []

    def killed(path, **state):
        save(path, **state)
        raise KeyboardInterrupt

    def draw(seeds, step, *rest):
        drawn.append(step)
        return training.draw(seeds, step, *rest)

    learn = partial(text.train_all, recipe=recipe, checkpoint=tmp_path / "net")
    monkeypatch.setattr(training, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        learn(data, [5], world)
    monkeypatch.setattr(training, "_save", save)
    monkeypatch.setattr(text, "draw", draw)
    (model,) = learn(data, [5], world)
    assert drawn == list(range(200, 210))
    assert (model.log_loss(world.test) == whole).all()
    (other,) = learn([rows[300:600] for rows in world.real], [5], world)
    assert (other.log_loss(world.test) != whole).any() and len(drawn) == 220


def test_a_chain_of_transformers():
    learn = partial(text.train_all, recipe=SMALL)
    world = small_world((0, 1))
    found = text.chain(world, learn, 2000, 1, arms=("nucleus", "real"))
    assert found["loss"].shape == (2, 2, 2) and np.isfinite(found["loss"]).all()
    assert (found["loss"][:, :, 0] != found["loss"][:, :, 1]).all()  # seeds are not copies
    one = text.chain(small_world((0,)), learn, 2000, 1, arms=("nucleus", "real"))
    # Replicas do not mix: alone, to the rounding of a training run.
    np.testing.assert_allclose(one["loss"][..., 0], found["loss"][..., 0], atol=5e-3)


def test_a_whole_run(tmp_path, monkeypatch):
    corpus = text.Corpus(tuple(grammar(0, 900)), tuple(grammar(1, 60)))
    quick = {"seeds": (0, 1), "sizes": (300, 3000), "T0": 1000, "n": 1, "heal": (1000,)}
    quick |= {"recipe": replace(SMALL, steps=5), "net_seeds": (0, 1), "net_T0": 2400, "net_n": 1}
    quick |= {
        "net_curves": ("real", "nucleus"),
        "net_sizes": (2400,),
        "net_tries": (1, 2),
        "net_steps": (3,),
        "net_arms": ("nucleus", "real"),
    }
    monkeypatch.setattr(text, "_standard", lambda: corpus)
    monkeypatch.setitem(text.PLANS, "quick", text.Plan(**quick))
    forget, left = text.forget, []
    monkeypatch.setattr(text, "forget", lambda *x: (left.extend(tmp_path.glob("*.pt")), forget(*x)))
    found = text.run(folder=tmp_path)
    assert len(left) > 5 and not list(tmp_path.glob("*.pt"))
    assert json.loads(json.dumps(found))["corpus"]["documents"] == [900, 60]
    assert set(np.ravel(found["net real"]["steps"])) <= {1, 2}
    assert {"real", "nucleus", "ten percent", "chain", "net real", "net nucleus", "net chain"} <= set(found)
    # Only the steps differ: the same contexts, the same seeds.
    assert np.shape(found["net 3 steps"]["loss"]) == (1, 2, 2)
    assert found["net 3 steps"]["loss"][0][0] != found["net chain"]["loss"][0][0]

    def again(**_):
        raise AssertionError("computed twice")

    monkeypatch.setattr(text, "_part", again)
    assert text.run(folder=tmp_path) == found
    with pytest.raises(ValueError, match="scale must be one of"):
        text.run("huge")
