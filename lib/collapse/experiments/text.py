"""Lab: language models on each other's text, from the docstrings of Python's standard library.

Two learners: one that counts (an interpolated n-gram model of characters, in milliseconds), and a small
transformer. All text comes in rows: some characters of context, which are real and never scored, and then the
characters that are learned or predicted. A generated row goes on from the context of a real one.
"""

from __future__ import annotations

import ast
import sysconfig
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import _checks
from . import sweeps
from .ngram import NGram, generate, grams
from .training import Transformer, draw, predict, train

# The first symbol ends a document; whatever is not here is written "?".
ALPHABET = "\0\n" + "".join(map(chr, range(32, 127)))
V = len(ALPHABET)


# ------------------------------------------------------------------------------------------------ corpus


def docstrings(folder: str | Path | None = None) -> dict[str, list[str]]:
    """The docstrings of all Python files in a folder, by top-level module.

    Parameters
    ----------
    folder : path, optional
        The standard library of the Python that runs, if not given. Installed packages and tests are left out.

    Returns
    -------
    dict
        From the name of a module or package to its docstrings, each text once over all modules.

    Raises
    ------
    ValueError
        If there is no such folder.

    Examples
    --------
    >>> from collapse import experiments
    >>> docstrings(Path(experiments.__file__).parent)["gcd"][0][:33]
    'Lab: a transformer learns the gre'
    """
    root = Path(folder or sysconfig.get_paths()["stdlib"])
    if not root.is_dir():
        raise ValueError(f"folder must be a folder, got {str(root)!r}")
    found: dict[str, list[str]] = {}
    known: set[str] = set()
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if {"test", "tests", "idle_test", "site-packages", "dist-packages"} & set(parts):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):  # kept by some distributions as examples of what fails
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node)
                if text and text not in known:
                    known.add(text)
                    found.setdefault(parts[0], []).append(text)
    return found


def leakage(train: Iterable[str], test: Sequence[str], words: int = 8) -> np.ndarray:
    """How much of each test text is in the training texts: the share of its runs of `words` words.

    Parameters
    ----------
    train, test : sequences of str
        Texts.
    words : int
        Length of a run.

    Returns
    -------
    array, shape (len(test),)
        0 for a text that is shorter than a run.

    Raises
    ------
    ValueError
        If `words` is not a whole number >= 1.

    Examples
    --------
    >>> leakage(["the cat sat on the mat"], ["a cat sat on the chair"], words=3)
    array([0.5])
    """

    words = _checks.count("words", words)

    def runs(text: str) -> set[str]:
        split = text.split()
        return {" ".join(split[i : i + words]) for i in range(len(split) - words + 1)}

    known = set().union(*map(runs, train))
    return np.array([len(r & known) / max(len(r), 1) for r in map(runs, test)])


@dataclass(frozen=True)
class Corpus:
    """Texts for training, and others for testing.

    Parameters
    ----------
    train, test : tuple of str
        Documents.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]


def split(modules: dict[str, Sequence[str]], share: float = 0.1, most: float = 0.1) -> Corpus:
    """Whole modules held out, by a digest of their names, less the test texts that training has seen.

    Parameters
    ----------
    modules : dict
        As `docstrings` gives them.
    share : float
        Expected share of held-out modules.
    most : float
        A test text goes when more than this share of its runs of eight words is in the training texts.

    Returns
    -------
    Corpus

    Raises
    ------
    ValueError
        If a share is not between 0 and 1.

    Examples
    --------
    >>> split({"a": ["One."], "b": ["Two."], "c": ["Three."]}, share=0.5)
    Corpus(train=('One.',), test=('Two.', 'Three.'))
    """
    for name, value in {"share": share, "most": most}.items():
        _checks.scalar(name, _checks.between(name, value, 0, 1))
    held: dict[bool, list[str]] = {False: [], True: []}
    for name, texts in sorted(modules.items()):
        digest = int.from_bytes(sha256(name.encode()).digest()[:8], "big")
        held[digest < share * 2**64].extend(texts)
    seen = leakage(held[False], held[True])
    return Corpus(tuple(held[False]), tuple(t for t, s in zip(held[True], seen, strict=True) if s <= most))


def rows(texts: Sequence[str], seed: Any, context: int = 4, length: int = 100) -> np.ndarray:
    """Texts in random order, end to end, cut into rows; every character but the first few is scored once.

    Parameters
    ----------
    texts : sequence of str
        Documents.
    seed : int or tuple of int
        Of the order.
    context, length : int
        Characters before those that are scored, and their number.

    Returns
    -------
    integer array, shape (rows, context + length)
        Places in `ALPHABET`.

    Raises
    ------
    ValueError
        If a length is not a whole number >= 1, or the texts do not fill one row.

    Examples
    --------
    >>> rows(["abc", "de"], seed=0, context=2, length=3).shape
    (1, 5)
    """
    context, length = _checks.count("context", context), _checks.count("length", length)
    order = np.random.default_rng(seed).permutation(len(texts))
    text = "\0".join(texts[i] for i in order) + "\0"
    place = np.full(128, ALPHABET.index("?"))
    place[[ord(symbol) for symbol in ALPHABET]] = np.arange(V)
    symbols = place[np.frombuffer(text.encode("ascii", "replace"), np.uint8)]
    count = (len(symbols) - context) // length
    if count < 1:
        raise ValueError(f"texts must fill a row of {context + length} characters, got {len(symbols)}")
    return symbols[np.arange(count)[:, None] * length + np.arange(context + length)]


# --------------------------------------------------------------------------------------------------- measures


def common(tokens: np.ndarray, context: int, n: int = 3, mass: float = 0.9) -> np.ndarray:
    """The most frequent n-grams that make up `mass` of a text, sorted by key.

    Parameters
    ----------
    tokens : integer array, shape (B, S)
        Rows of real text.
    context, n : int
        As in `grams`.
    mass : float
        Their share.

    Returns
    -------
    integer array

    Raises
    ------
    ValueError
        If `mass` is not between 0 and 1, or as in `grams`.

    Examples
    --------
    >>> tokens = np.array([[0, 1, 2, 3, 4], [0, 1, 2, 3, 5]])
    >>> len(common(tokens, 2, mass=0.6))
    2
    """
    mass = _checks.scalar("mass", _checks.between("mass", mass, 0, 1))
    keys, count = np.unique(grams(tokens, n, context, V), return_counts=True)
    order = np.argsort(-count, kind="stable")
    kept = np.searchsorted(np.cumsum(count[order]), mass * count.sum()) + 1
    return np.sort(keys[order[:kept]])


def tail_mass(tokens: np.ndarray, context: int, head: np.ndarray, n: int = 3) -> float:
    """Share of the n-grams of a text that are not in `head`.

    Parameters
    ----------
    tokens, context, n
        As in `common`.
    head : integer array
        As `common` gives it.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As in `grams`.

    Examples
    --------
    >>> tokens = np.array([[0, 1, 2, 3, 4], [0, 1, 2, 3, 5]])
    >>> round(tail_mass(tokens, 2, common(tokens, 2, mass=0.6)), 4)
    0.3333
    """
    return float(1 - np.isin(grams(tokens, n, context, V), head).mean())


def distinct(tokens: np.ndarray, context: int, n: int = 3) -> int:
    """Number of different n-grams of a text.

    Parameters
    ----------
    tokens, context, n
        As in `common`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        As in `grams`.

    Examples
    --------
    >>> tokens = np.array([[0, 1, 2, 3, 4], [0, 1, 2, 3, 5]])
    >>> distinct(tokens, 2)
    4
    """
    return len(np.unique(grams(tokens, n, context, V)))


# ------------------------------------------------------------------------------------ learner that is trained


@dataclass(frozen=True)
class Recipe:
    """How a transformer is made and trained.

    Parameters
    ----------
    width, layers, heads : int
        Its shape.
    batch, steps : int
        Rows of a step; steps.
    rate : float
        Highest learning rate.
    """

    width: int = 64
    layers: int = 1
    heads: int = 4
    batch: int = 32
    steps: int = 600
    rate: float = 3e-3


class Network:
    """One trained transformer, asked as an `NGram` is.

    Parameters
    ----------
    model : Transformer
        Causal, one replica.
    context : int
        Columns that are not scored.
    """

    def __init__(self, model: Transformer, context: int) -> None:
        self.model, self.context = model, context
        self._cache: list[torch.Tensor] = []

    def log_loss(self, tokens: np.ndarray) -> np.ndarray:
        """As `NGram.log_loss`."""
        given = torch.from_numpy(tokens)
        log_p = predict(self.model, given[:, :-1], 1000)[0, :, self.context - 1 :].log_softmax(-1)
        return -log_p.gather(-1, given[:, self.context :, None])[..., 0].double().numpy()

    @torch.no_grad()
    def law(self, tokens: np.ndarray) -> np.ndarray:
        """As `NGram.law`, called with `context` columns first, then with one more each time."""
        if tokens.shape[1] == self.context:
            self._cache = []
        new = torch.from_numpy(tokens[:, -1:] if self._cache else tokens)[None].to(self.model.device)
        return self.model(new, self._cache)[0, :, -1].float().softmax(-1).cpu().numpy().astype(float)


Learner = Callable[[list[np.ndarray], list[int]], list[Any]]


def count_all(data: list[np.ndarray], starts: list[int], *, context: int) -> list[NGram]:
    """An `NGram` for each set of rows.

    Parameters
    ----------
    data : list of integer arrays, shape (B, S)
        Rows; B may differ.
    starts : list of int
        Not used: nothing here is random.
    context : int
        Columns that are not learned.

    Returns
    -------
    list of NGram

    Raises
    ------
    ValueError
        As in `NGram`.

    Examples
    --------
    >>> len(count_all([np.zeros((3, 9), int)] * 2, [0, 1], context=4))
    2
    """
    return [NGram(tokens, context, vocabulary=V) for tokens in data]


def train_all(
    data: list[np.ndarray],
    starts: list[int],
    *,
    context: int,
    recipe: Recipe = Recipe(),
    device: str = "cpu",
) -> list[Network]:
    """A transformer for each set of rows, all trained in one call.

    Parameters
    ----------
    data : list of integer arrays, shape (B, S)
        Rows; B may differ.
    starts : list of int
        Seed of each.
    context : int
        Columns that are not learned.
    recipe : Recipe
        Shape and training.
    device : {"cpu", "cuda", "auto"}
        Where.

    Returns
    -------
    list of Network

    Raises
    ------
    ValueError
        If there is not one start for each set of rows.

    Examples
    --------
    >>> tiny = Recipe(width=8, heads=2, batch=2, steps=2)
    >>> len(train_all([np.zeros((3, 9), int)] * 2, [0, 1], context=4, recipe=tiny))
    2
    """
    if len(data) != len(starts):
        raise ValueError(f"starts must hold {len(data)} seeds, got {len(starts)}")
    texts, sizes = [torch.from_numpy(tokens) for tokens in data], [len(tokens) for tokens in data]

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = draw(starts, step, recipe.batch, sizes)
        x = torch.stack([text[i] for text, i in zip(texts, chosen, strict=True)])
        targets = x[:, :, 1:].clone()
        targets[:, :, : context - 1] = -100
        return x[:, :, :-1], targets

    shape = {"width": recipe.width, "layers": recipe.layers, "heads": recipe.heads}
    model = Transformer(V, data[0].shape[1] - 1, causal=True, seeds=starts, device=device, **shape)
    train(model, batch, recipe.steps, rate=recipe.rate)
    return [Network(model.part(slice(r, r + 1)), context) for r in range(len(data))]


# ------------------------------------------------------------------------------------------------ experiments

# How each arm decodes; "mixed" keeps the true continuation of some rows, "real" of all.
ARMS: dict[str, dict[str, float]] = {
    "real": {},
    "sampled": {},
    "cool": {"temperature": 0.9},
    "nucleus": {"nucleus": 0.9},
    "mixed": {"nucleus": 0.9},
}


def written(arm: str, law: Callable, fresh: np.ndarray, context: int, share: float, seed: Any) -> np.ndarray:
    """Training rows of an arm: the rows that a model writes, from the contexts of fresh real ones.

    Parameters
    ----------
    arm : str
        One of `ARMS`.
    law : callable
        The model that writes.
    fresh : integer array, shape (B, S)
        Real rows.
    context : int
        Columns that it is given.
    share : float
        Share of rows that "mixed" leaves as they were, spread evenly.
    seed : int or tuple of int
        Of the draws.

    Returns
    -------
    integer array, shape (B, S)

    Raises
    ------
    ValueError
        If the arm is unknown.

    Examples
    --------
    >>> fresh = np.zeros((10, 6), int)
    >>> always = lambda tokens: np.eye(V)[np.full(len(tokens), 5)]
    >>> written("mixed", always, fresh, 4, 0.5, 0)[:2]
    array([[0, 0, 0, 0, 5, 5],
           [0, 0, 0, 0, 0, 0]])
    """
    rule = ARMS[_checks.choice("arm", arm, tuple(ARMS))]
    if arm == "real":
        return fresh
    out = generate(law, fresh[:, :context], fresh.shape[1] - context, seed, **rule)
    if arm == "mixed":
        i = np.arange(len(out))
        kept = np.floor((i + 1) * share + 1e-9) > np.floor(i * share + 1e-9)
        out[kept] = fresh[kept]
    return out


def measure(
    model: Any, learned: np.ndarray, test: np.ndarray, head: np.ndarray, context: int
) -> dict[str, float]:
    """What a model knows of real text, and what its training text was like.

    Parameters
    ----------
    model : NGram or Network
        Asked.
    learned, test : integer arrays
        Rows that it learned from; held-out real rows.
    head : integer array
        Common 3-grams of real text.
    context : int
        Columns that are not scored.

    Returns
    -------
    dict
        `loss` on `test`; `gap`, the mean entropy of its predictions less their loss, on 40 test rows, near 0
        for a model that is as sure as it is right; `tail` and `distinct` of `learned`; for an `NGram` also
        the mean of `blocked` on `test`.

    Raises
    ------
    ValueError
        If the rows have no more than `context` columns.

    Examples
    --------
    >>> tokens = rows(["Return the row.", "Close the file."] * 20, 0, length=10)
    >>> found = measure(NGram(tokens, 4), tokens, tokens, common(tokens, 4), 4)
    >>> sorted(found)
    ['blocked', 'distinct', 'gap', 'loss', 'tail']
    """
    few, entropy = test[:40], []
    for end in range(context, few.shape[1]):
        p = model.law(few[:, :end])
        entropy.append(-(p * np.log(np.maximum(p, 1e-300))).sum(1).mean())
    found = {
        "loss": model.log_loss(test).mean(),
        "gap": np.mean(entropy) - model.log_loss(few).mean(),
        "tail": tail_mass(learned, context, head),
        "distinct": distinct(learned, context),
    }
    return found | ({"blocked": model.blocked(test).mean()} if isinstance(model, NGram) else {})


@dataclass(frozen=True)
class World:
    """Real rows for each seed, and the test rows that all share.

    Parameters
    ----------
    real : tuple of integer arrays
        Training rows in an order of their own for each seed.
    test : integer array
        Held-out rows.
    head : integer array
        Common 3-grams of the training text.
    context, length : int
        Columns not scored, and scored.
    """

    real: tuple[np.ndarray, ...]
    test: np.ndarray
    head: np.ndarray
    context: int
    length: int


def world(
    corpus: Corpus, seeds: Sequence[int], context: int = 4, length: int = 100, test: int = 60_000
) -> World:
    """Rows for an experiment.

    Parameters
    ----------
    corpus : Corpus
        Texts.
    seeds : sequence of int
        Replicas: the order of the documents, hence which are learned first.
    context, length : int
        Of the rows.
    test : int
        Held-out characters to score, at most.

    Returns
    -------
    World

    Raises
    ------
    ValueError
        As in `rows`.

    Examples
    --------
    >>> texts = tuple(f"Return row {i} of the table." for i in range(200))
    >>> small = world(Corpus(texts, texts[:9]), [0, 1], length=20)
    >>> len(small.real), small.test.shape[1]
    (2, 24)
    """
    real = tuple(rows(corpus.train, (seed, 0), context, length) for seed in seeds)
    held = rows(corpus.test, 0, context, length)[: max(test // length, 1)]
    return World(real, held, common(real[0], context), context, length)


def curve(
    world: World,
    learn: Learner,
    arm: str,
    sizes: Sequence[int],
    T0: int,
    seeds: Sequence[int],
    share: float = 0.1,
) -> dict[str, np.ndarray]:
    """Loss on real text against the characters learned from: real ones, or those of a model.

    Parameters
    ----------
    world : World
        Rows, one set for each seed.
    learn : callable
        `count_all` or `train_all` with its options filled in.
    arm : str
        One of `ARMS`; the rows have the same contexts in all arms.
    sizes : sequence of int
        Characters that are learned from.
    T0 : int
        Characters behind the model that writes; none of them is among the contexts.
    seeds : sequence of int
        Replicas.
    share : float
        Of real rows in "mixed".

    Returns
    -------
    dict of arrays, shape (seeds, sizes)
        As in `measure`, and `own`, the loss on more text of the same kind; `teacher`, shape (seeds,), is the
        loss of the model that writes.

    Raises
    ------
    ValueError
        If a size is less than one row, or there are not enough real rows.

    Examples
    --------
    >>> texts = tuple(f"Return row {i} of the table." for i in range(200))
    >>> small = world(Corpus(texts, texts[:9]), [0, 1], length=20)
    >>> learn = partial(count_all, context=4)
    >>> curve(small, learn, "nucleus", [200, 400], 1000, [0, 1])["loss"].shape
    (2, 2)
    """
    counts = [_checks.count("sizes", T // world.length) for T in sizes]
    B0, most = _checks.count("T0", T0 // world.length), max(counts)
    extra = min(300, most)
    if min(map(len, world.real)) < B0 + most + extra:
        raise ValueError(f"sizes must leave room for T0 in {len(world.real[0])} rows, got {max(sizes)}")
    teachers = learn([real[:B0] for real in world.real], [_start(s, 1) for s in seeds])
    texts = [
        written(arm, teacher.law, real[B0 : B0 + most + extra], world.context, share, (s, 2))
        for teacher, real, s in zip(teachers, world.real, seeds, strict=True)
    ]
    data = [text[:count] for text in texts for count in counts]
    starts = [_start(s, 2 + i) for s in seeds for i in range(len(counts))]
    found = []
    for i, (model, tokens) in enumerate(zip(learn(data, starts), data, strict=True)):
        one = measure(model, tokens, world.test, world.head, world.context)
        found.append(one | {"own": model.log_loss(texts[i // len(counts)][most:]).mean()})
    shape = (len(seeds), len(counts))
    result = {name: np.reshape([one[name] for one in found], shape) for name in found[0]}
    return result | {"teacher": np.array([t.log_loss(world.test).mean() for t in teachers])}


def chain(
    world: World,
    learn: Learner,
    T0: int,
    n: int,
    seeds: Sequence[int],
    arms: Sequence[str] = tuple(ARMS),
    share: float = 0.1,
    heal: Sequence[int] = (),
) -> dict[str, np.ndarray]:
    """Generations: each model learns T0 characters that the one before it wrote from fresh real contexts.

    Parameters
    ----------
    world, learn, seeds, share
        As in `curve`.
    T0, n : int
        Characters of a generation; generations after the first, which learns real text.
    arms : sequence of str
        Of `ARMS`. "real" is the control: fresh real rows in each generation.
    heal : sequence of int
        Characters of real text to add to the last training text of "nucleus".

    Returns
    -------
    dict of arrays, shape (arms, n + 1, seeds)
        As in `measure`. With `heal` also the losses `healed` and `alone` (without the generated text),
        shape (len(heal), seeds).

    Raises
    ------
    ValueError
        If there are not enough real rows.

    Examples
    --------
    >>> texts = tuple(f"Return row {i} of the table." for i in range(200))
    >>> small = world(Corpus(texts, texts[:9]), [0, 1], length=20)
    >>> learn = partial(count_all, context=4)
    >>> chain(small, learn, 1000, 2, [0, 1], arms=["nucleus", "real"])["loss"].shape
    (2, 3, 2)
    """
    B, n = _checks.count("T0", T0 // world.length), _checks.count("n", n)
    more = [_checks.count("heal", T // world.length) for T in heal]
    if min(map(len, world.real)) < B * (n + 1) + max(more, default=0):
        raise ValueError(f"n must leave rows for each generation, got {n}")
    data = [real[:B] for _ in arms for real in world.real]
    cells = [(arm, i) for arm in arms for i in range(len(seeds))]
    models = learn(data[: len(seeds)], [_start(s, 100) for s in seeds]) * len(arms)
    test = (world.test, world.head, world.context)
    table = [[measure(m, d, *test) for m, d in zip(models, data, strict=True)]]
    for g in range(1, n + 1):
        data = [
            written(
                arm, model.law, world.real[i][g * B : (g + 1) * B], world.context, share, (seeds[i], 3, g)
            )
            for (arm, i), model in zip(cells, models, strict=True)
        ]
        models = learn(data, [_start(seeds[i], 100 + g) for _, i in cells])
        table.append([measure(m, d, *test) for m, d in zip(models, data, strict=True)])
    shape = (n + 1, len(arms), len(seeds))
    names = table[0][0]
    result = {x: np.reshape([[c[x] for c in line] for line in table], shape).swapaxes(0, 1) for x in names}
    if more:
        last = [d for (arm, _), d in zip(cells, data, strict=True) if arm == "nucleus"]
        for name in ("healed", "alone"):
            mixes = []
            for count in more:
                for real, text in zip(world.real, last, strict=True):
                    added = real[(n + 1) * B :][:count]
                    mixes.append(np.concatenate([text, added]) if name == "healed" else added)
            starts = [_start(s, 200 + i) for i in range(len(more)) for s in seeds]
            losses = [model.log_loss(world.test).mean() for model in learn(mixes, starts)]
            result[name] = np.reshape(losses, (len(more), len(seeds)))
    return result


def _start(seed: int, stage: int) -> int:
    """Seed of the initial weights and batches of a model: no two models of a replica share it."""
    return 1000 * seed + stage


@dataclass(frozen=True)
class Plan:
    """All that determines a run of the lab, but for the text itself.

    Parameters
    ----------
    seeds : tuple of int
        Replicas of the learner that counts.
    sizes, T0, n, heal
        Of its curves and its chain.
    recipe : Recipe
        The transformers.
    net_seeds, net_sizes, net_T0, net_n
        The same for them.
    net_context, net_length : int
        Their rows.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    sizes: tuple[int, ...] = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
    T0: int = 30_000
    n: int = 5
    heal: tuple[int, ...] = (1000, 3000, 10_000, 30_000, 100_000)
    recipe: Recipe = Recipe()
    net_seeds: tuple[int, ...] = (0, 1, 2)
    net_T0: int = 240_000
    net_n: int = 3
    net_sizes: tuple[int, ...] = ()
    net_arms: tuple[str, ...] = ("sampled", "nucleus", "mixed", "real")
    net_context: int = 16
    net_length: int = 48

    def parts(self) -> list[dict[str, Any]]:
        """The configurations: curves and a chain for each learner."""
        count = {"learner": "count", "seeds": list(self.seeds), "T0": self.T0}
        net = {"learner": "train", "seeds": list(self.net_seeds), "T0": self.net_T0}
        net |= {"recipe": asdict(self.recipe), "context": self.net_context, "length": self.net_length}
        sizes = {"kind": "curve", "sizes": list(self.sizes)}
        shares = {"one percent": ("mixed", 0.01), "ten percent": ("mixed", 0.1)}
        arms = {arm: (arm, 0.0) for arm in ARMS if arm != "mixed"} | shares
        parts = [
            {"name": name, **count, **sizes, "arm": arm, "share": share}
            for name, (arm, share) in arms.items()
        ]
        chain = {"kind": "chain", "n": self.n, "heal": list(self.heal), "arms": list(ARMS)}
        parts.append({"name": "chain", **count, **chain})
        for arm in ("real", "nucleus") if self.net_sizes else ():
            curve = {"kind": "curve", "sizes": list(self.net_sizes), "arm": arm}
            parts.append({"name": f"net {arm}", **net, **curve})
        chain = {"kind": "chain", "n": self.net_n, "arms": list(self.net_arms)}
        return [*parts, {"name": "net chain", **net, **chain}]


PLANS = {
    "quick": Plan(),
    "paper": Plan(
        recipe=Recipe(width=256, layers=4, heads=8, batch=128, steps=4000, rate=1e-3),
        net_sizes=(10_000, 30_000, 100_000, 300_000, 600_000),
        net_context=64,
        net_length=192,
    ),
}


def part(
    name: str,
    kind: str,
    learner: str,
    seeds: Sequence[int],
    *,
    context: int = 4,
    length: int = 100,
    recipe: dict[str, Any] | None = None,
    device: str = "cpu",
    **rest: Any,
) -> dict[str, Any]:
    """One part of a run as plain lists, rounded to four digits.

    Parameters
    ----------
    name : str
        Of the part.
    kind : {"curve", "chain"}
        Which function.
    learner : {"count", "train"}
        Which learner.
    seeds : sequence of int
        Replicas.
    context, length : int
        Of the rows.
    recipe : dict, optional
        A `Recipe` as `dataclasses.asdict` gives it.
    device : {"cpu", "cuda", "auto"}
        Where transformers are trained.
    **rest
        Other arguments of the function.

    Returns
    -------
    dict
        As the function returns it, and the `seconds` it took.

    Raises
    ------
    ValueError
        If `kind` or `learner` is unknown.

    Examples
    --------
    >>> part("demo", "line", "count", [0])
    Traceback (most recent call last):
        ...
    ValueError: kind must be one of 'curve', 'chain', got 'line'
    """
    began = time.perf_counter()
    function = {"curve": curve, "chain": chain}[_checks.choice("kind", kind, ("curve", "chain"))]
    learn: Learner = partial(count_all, context=context)
    if _checks.choice("learner", learner, ("count", "train")) == "train":
        learn = partial(train_all, context=context, recipe=Recipe(**(recipe or {})), device=device)
    found = function(world(_standard(), seeds, context, length), learn, seeds=seeds, **rest)
    shown = {key: np.round(x, 4).tolist() for key, x in found.items()}
    return shown | {"seconds": round(time.perf_counter() - began, 1)}


@cache
def _standard() -> Corpus:
    return split(docstrings())


def run(
    scale: str = "quick",
    *,
    device: str = "cpu",
    jobs: int | None = None,
    folder: str | Path | None = None,
    progress: str | None = None,
) -> dict[str, Any]:
    """The whole lab: curves and chains, for the learner that counts and for transformers.

    Parameters
    ----------
    scale : {"quick", "paper"}
        `quick` takes about a quarter of an hour on one core; `paper` wants a GPU.
    device : {"cpu", "cuda", "auto"}
        Where transformers are trained.
    jobs : int, optional
        Parts at a time.
    folder : path, optional
        Where finished parts are kept: the same call goes on from there.
    progress : str, optional
        Shows a progress bar of that name.

    Returns
    -------
    dict
        `plan`, `corpus` (its sizes), `seeds`, `seconds` and the parts by name, ready for JSON.

    Raises
    ------
    ValueError
        If `scale` is unknown.

    Examples
    --------
    >>> run("huge")
    Traceback (most recent call last):
        ...
    ValueError: scale must be one of 'quick', 'paper', got 'huge'
    """
    plan = PLANS[_checks.choice("scale", scale, tuple(PLANS))]
    parts = plan.parts()
    results = sweeps.run(partial(part, device=device), parts, folder=folder, jobs=jobs, progress=progress)
    seconds = sum(result.pop("seconds") for result in results)
    texts = _standard()
    corpus = {
        "documents": [len(texts.train), len(texts.test)],
        "characters": [sum(map(len, texts.train)), sum(map(len, texts.test))],
        "leakage": round(float(leakage(texts.train, texts.test).mean()), 5),
    }
    found = {configuration["name"]: result for configuration, result in zip(parts, results, strict=True)}
    return {"plan": asdict(plan), "corpus": corpus, "seeds": list(plan.seeds), "seconds": seconds, **found}
