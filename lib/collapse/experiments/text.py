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
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import _checks
from . import sweeps
from .ngram import NGram, generate, grams
from .training import Recipe, Transformer, _start, draw, forget, predict, train

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
    """Documents for training, and others for testing."""

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


def _rows(texts: Sequence[str], seed: Any, context: int, length: int) -> np.ndarray:
    """Texts in random order, end to end, cut into rows (B, context + length): each symbol is scored once."""
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


@dataclass(frozen=True)
class World:
    """Rows of real text, each (B, context + length), for all replicas of an experiment.

    Parameters
    ----------
    seeds : tuple of int
        Replicas.
    real : tuple of integer arrays
        Training rows of each replica, the documents in an order of its own.
    test, held : integer arrays
        Held-out rows that all share: for the results, and for decisions.
    head : integer array
        The most frequent 3-grams, which make up 90 % of the training text.
    context : int
        Columns that are not scored.
    """

    seeds: tuple[int, ...]
    real: tuple[np.ndarray, ...]
    test: np.ndarray
    held: np.ndarray
    head: np.ndarray
    context: int

    def rows(self, name: str, characters: int) -> int:
        """Number of rows with so many scored characters; at least one, or a `ValueError` names it."""
        return _checks.count(name, characters // (self.test.shape[1] - self.context))


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
        Characters of a row before those that are scored, and their number.
    test : int
        Held-out characters to score, at most; a third as many others are for decisions.

    Returns
    -------
    World

    Raises
    ------
    ValueError
        If a length is not a whole number >= 1, or the texts do not fill one row.

    Examples
    --------
    >>> texts = tuple(f"Return row {i} of the table." for i in range(200))
    >>> small = world(Corpus(texts, texts[:9]), [0, 1], length=20)
    >>> len(small.real), small.test.shape[1]
    (2, 24)
    """
    real = tuple(_rows(corpus.train, (seed, 0), context, length) for seed in seeds)
    later = _rows(corpus.test, 0, context, length)
    count = max(min(test // length, 3 * len(later) // 4), 1)
    tested, held = later[:count], later[count : count + count // 3]
    keys, n = np.unique(grams(real[0], 3, context, V), return_counts=True)
    order = np.argsort(-n, kind="stable")
    head = keys[order[: np.searchsorted(np.cumsum(n[order]), 0.9 * n.sum()) + 1]]
    return World(tuple(seeds), real, tested, held, head, context)


# --------------------------------------------------------------------------------------------------- learners

# From sets of rows (B, S), where B may differ, a seed for each, and the world: a model for each.
Learner = Callable[[list[np.ndarray], list[int], World], list[Any]]


def count_all(data: list[np.ndarray], starts: list[int], world: World) -> list[NGram]:
    """An `NGram` for each set of rows.

    Parameters
    ----------
    data : list of integer arrays, shape (B, S)
        Rows; B may differ.
    starts : list of int
        Not used: nothing here is random.
    world : World
        Says which columns are not learned.

    Returns
    -------
    list of NGram

    Raises
    ------
    ValueError
        As in `NGram`.

    Examples
    --------
    >>> texts = tuple(f"Return row {i} of the table." for i in range(200))
    >>> small = world(Corpus(texts, texts[:9]), [0, 1], length=20)
    >>> len(count_all(small.real, [0, 0], small))
    2
    """
    return [NGram(tokens, world.context, vocabulary=V) for tokens in data]


class Network:
    """One trained transformer, asked as an `NGram` is.

    Parameters
    ----------
    model : Transformer
        Causal, one replica.
    context : int
        Columns that are not scored.
    steps : int
        Of its training.
    """

    def __init__(self, model: Transformer, context: int, steps: int) -> None:
        self.model, self.context, self.steps = model, context, steps
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


def train_all(
    data: list[np.ndarray],
    starts: list[int],
    world: World,
    *,
    recipe: Recipe,
    tries: Sequence[int] = (),
    device: str = "cpu",
    checkpoint: str | Path | None = None,
) -> list[Network]:
    """A transformer for each set of rows, all trained in one call.

    Parameters
    ----------
    data : list of integer arrays, shape (B, S)
        Rows; B may differ.
    starts : list of int
        Seed of the initial weights and the batches of each.
    world : World
        Says which columns are not learned.
    recipe : Recipe
        Shape and training.
    tries : sequence of int
        Instead of `recipe.steps`: each model is trained afresh with more and more steps until its loss on
        `world.held` rises, and the best one is kept.
    device : {"cpu", "cuda", "auto"}
        Where.
    checkpoint : path, optional
        Start of the names of files from which a killed call goes on; the rest is a digest of what is learned.

    Returns
    -------
    list of Network

    Raises
    ------
    ValueError
        If there is not one start for each set of rows, or nothing held out to decide between tries.

    Examples
    --------
    >>> texts = tuple(f"Return row {i} of the table." for i in range(200))
    >>> small = world(Corpus(texts, texts[:9]), [0, 1], length=20)
    >>> tiny = Recipe(width=8, heads=2, batch=2, steps=2)
    >>> len(train_all(small.real, [0, 1], small, recipe=tiny))
    2
    """
    if len(data) != len(starts):
        raise ValueError(f"starts must hold {len(data)} seeds, got {len(starts)}")
    if tries:
        options = {"recipe": recipe, "device": device, "checkpoint": checkpoint}
        return [_best(*one, world, tries, **options) for one in zip(data, starts, strict=True)]
    texts, sizes = [torch.from_numpy(tokens) for tokens in data], [len(tokens) for tokens in data]

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = draw(starts, step, recipe.batch, sizes)
        x = torch.stack([text[i] for text, i in zip(texts, chosen, strict=True)])
        targets = x[:, :, 1:].clone()
        targets[:, :, : world.context - 1] = -100
        return x[:, :, :-1], targets

    shape = {"width": recipe.width, "layers": recipe.layers, "heads": recipe.heads}
    model = Transformer(V, data[0].shape[1] - 1, causal=True, seeds=starts, device=device, **shape)
    if checkpoint is not None:
        learned = sha256(repr((starts, recipe)).encode())
        for tokens in data:
            learned.update(tokens.tobytes())
        checkpoint = f"{checkpoint}-{learned.hexdigest()[:16]}.pt"
    train(model, batch, recipe.steps, rate=recipe.rate, checkpoint=checkpoint)
    return [Network(model.part(slice(r, r + 1)), world.context, recipe.steps) for r in range(len(data))]


def _best(
    rows: np.ndarray, start: int, world: World, tries: Sequence[int], recipe: Recipe, **options: Any
) -> Any:
    if not len(world.held):
        raise ValueError("world must hold rows to decide between tries, got none")
    best, least = None, np.inf
    for steps in tries:
        (model,) = train_all([rows], [start], world, recipe=replace(recipe, steps=steps), **options)
        loss = model.log_loss(world.held).mean()
        if loss > least:
            break
        best, least = model, loss
    return best


# ------------------------------------------------------------------------------------------------ experiments

# How each arm decodes; "mixed" keeps the true continuation of some rows, "real" of all.
ARMS: dict[str, dict[str, float]] = {
    "real": {},
    "sampled": {},
    "cool": {"temperature": 0.9},
    "nucleus": {"nucleus": 0.9},
    "mixed": {"nucleus": 0.9},
}


def _written(arm: str, law: Callable, fresh: np.ndarray, context: int, share: float, seed: Any) -> np.ndarray:
    """Training rows of an arm, from the contexts of fresh real rows; "mixed" leaves a share as they were."""
    rule = ARMS[_checks.choice("arm", arm, tuple(ARMS))]
    if arm == "real":
        return fresh
    out = generate(law, fresh[:, :context], fresh.shape[1] - context, seed, **rule)
    if arm == "mixed":
        i = np.arange(len(out))
        kept = np.floor((i + 1) * share + 1e-9) > np.floor(i * share + 1e-9)
        out[kept] = fresh[kept]
    return out


def _measure(model: Any, learned: np.ndarray, world: World) -> dict[str, float]:
    """What a model knows of real text, and what the rows that it learned were like."""
    few, entropy = world.test[:40], []
    for end in range(world.context, few.shape[1]):
        p = model.law(few[:, :end])
        entropy.append(-(p * np.log(np.maximum(p, 1e-300))).sum(1).mean())
    keys = grams(learned, 3, world.context, V)
    found = {
        "loss": model.log_loss(world.test).mean(),
        "gap": np.mean(entropy) - model.log_loss(few).mean(),
        "tail": 1 - np.isin(keys, world.head).mean(),
        "distinct": len(np.unique(keys)),
    }
    return found | ({"blocked": model.blocked(world.test).mean()} if isinstance(model, NGram) else {})


def curve(
    world: World, learn: Learner, arm: str, sizes: Sequence[int], T0: int, share: float = 0.1
) -> dict[str, np.ndarray]:
    """Loss on real text against the characters learned from: real ones, or those of a model.

    Parameters
    ----------
    world : World
        Rows.
    learn : callable
        `count_all`, or `train_all` with its options filled in.
    arm : str
        One of `ARMS`; the rows have the same contexts in all arms.
    sizes : sequence of int
        Characters that are learned from.
    T0 : int
        Characters behind the model that writes; none of them is among the contexts.
    share : float
        Of real rows in "mixed".

    Returns
    -------
    dict of arrays, shape (seeds, sizes)
        `loss` on `world.test`. `gap`, the mean entropy of the predictions less their loss, on 40 test rows.
        `tail`, the share of the 3-grams learned from that are not in `world.head`, and `distinct`, how many
        different ones. `own`, the loss on more text of the same kind. `blocked` of an `NGram`, its mean over
        the test; `steps` of a transformer. `teacher`, shape (seeds,), is the loss of the model that writes.

    Raises
    ------
    ValueError
        If a size is less than one row, the arm is unknown, or there are not enough real rows.

    Examples
    --------
    >>> texts = tuple(f"Return row {i} of the table." for i in range(200))
    >>> small = world(Corpus(texts, texts[:9]), [0, 1], length=20)
    >>> curve(small, count_all, "nucleus", [200, 400], 1000)["loss"].shape
    (2, 2)
    """
    counts = [world.rows("sizes", T) for T in sizes]
    B0, most = world.rows("T0", T0), max(counts)
    extra = min(300, most)
    if min(map(len, world.real)) < B0 + most + extra:
        raise ValueError(f"sizes must leave room for T0 in {len(world.real[0])} rows, got {max(sizes)}")
    teachers = learn([real[:B0] for real in world.real], [_start(s, 1) for s in world.seeds], world)
    texts = [
        _written(arm, teacher.law, real[B0 : B0 + most + extra], world.context, share, (s, 2))
        for teacher, real, s in zip(teachers, world.real, world.seeds, strict=True)
    ]
    data = [text[:count] for text in texts for count in counts]
    starts = [_start(s, 2 + i) for s in world.seeds for i in range(len(counts))]
    found = []
    for i, (model, tokens) in enumerate(zip(learn(data, starts, world), data, strict=True)):
        own = {"own": model.log_loss(texts[i // len(counts)][most:]).mean()}
        steps = {"steps": model.steps} if isinstance(model, Network) else {}
        found.append(_measure(model, tokens, world) | own | steps)
    shape = (len(texts), len(counts))
    result = {name: np.reshape([one[name] for one in found], shape) for name in found[0]}
    return result | {"teacher": np.array([t.log_loss(world.test).mean() for t in teachers])}


def chain(
    world: World,
    learn: Learner,
    T0: int,
    n: int,
    arms: Sequence[str] = tuple(ARMS),
    share: float = 0.1,
    heal: Sequence[int] = (),
) -> dict[str, np.ndarray]:
    """Generations: each model learns T0 characters that the one before it wrote from fresh real contexts.

    Parameters
    ----------
    world, learn, share
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
        `loss`, `gap`, `tail`, `distinct` and `blocked` as in `curve`. With `heal` also the losses `healed`
        and `alone` (without the generated text), shape (len(heal), seeds).

    Raises
    ------
    ValueError
        If an arm is unknown, or there are not enough real rows.

    Examples
    --------
    >>> texts = tuple(f"Return row {i} of the table." for i in range(200))
    >>> small = world(Corpus(texts, texts[:9]), [0, 1], length=20)
    >>> chain(small, count_all, 1000, 2, arms=["nucleus", "real"])["loss"].shape
    (2, 3, 2)
    """
    B, n, seeds = world.rows("T0", T0), _checks.count("n", n), world.seeds
    more = [world.rows("heal", T) for T in heal]
    if min(map(len, world.real)) < B * (n + 1) + max(more, default=0):
        raise ValueError(f"n must leave rows for each generation, got {n}")
    # One line for each arm and seed; all arms begin with the same models.
    cells = [(arm, seed, real) for arm in arms for seed, real in zip(seeds, world.real, strict=True)]
    data = [real[:B] for _, _, real in cells]
    models = learn(data[: len(seeds)], [_start(s, 100) for s in seeds], world) * len(arms)
    table = [[_measure(m, d, world) for m, d in zip(models, data, strict=True)]]
    for g in range(1, n + 1):
        data = [
            _written(arm, model.law, real[g * B : (g + 1) * B], world.context, share, (seed, 3, g))
            for (arm, seed, real), model in zip(cells, models, strict=True)
        ]
        models = learn(data, [_start(seed, 100 + g) for _, seed, _ in cells], world)
        table.append([_measure(m, d, world) for m, d in zip(models, data, strict=True)])
    shape = (n + 1, len(arms), len(seeds))
    names = table[0][0]
    result = {x: np.reshape([[c[x] for c in line] for line in table], shape).swapaxes(0, 1) for x in names}
    if more:
        last = [rows for (arm, _, _), rows in zip(cells, data, strict=True) if arm == "nucleus"]
        alone = [real[(n + 1) * B :][:count] for count in more for real in world.real]
        mixed = [np.concatenate([rows, added]) for rows, added in zip(last * len(more), alone, strict=True)]
        starts = [_start(s, 200 + i) for i in range(len(more)) for s in seeds]
        for name, texts in {"healed": mixed, "alone": alone}.items():
            losses = [model.log_loss(world.test).mean() for model in learn(texts, starts, world)]
            result[name] = np.reshape(losses, (len(more), len(seeds)))
    return result


_SMALL = Recipe(batch=32, steps=1800, rate=1e-2)


@dataclass(frozen=True)
class Plan:
    """All that determines a run of the lab, but for the text itself.

    Parameters
    ----------
    seeds, sizes, T0, n, heal
        Replicas of the learner that counts; its curves and its chain.
    recipe : Recipe
        The transformers.
    net_seeds, net_T0, net_n, net_arms
        Their replicas and their chain.
    net_steps
        Other numbers of steps at which the chain's first two generations are repeated, sampled plainly.
    net_curves, net_sizes, net_tries
        Arms of their curves, which have the `T0` of the others; sizes, and the steps to try.
    net_context, net_length : int
        Their rows.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    sizes: tuple[int, ...] = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
    T0: int = 30_000
    n: int = 5
    heal: tuple[int, ...] = (1000, 3000, 10_000, 30_000, 100_000)
    recipe: Recipe = _SMALL
    net_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    net_T0: int = 240_000
    net_n: int = 3
    net_arms: tuple[str, ...] = ("sampled", "nucleus", "mixed", "real")
    net_steps: tuple[int, ...] = (200, 600, 3600)
    net_curves: tuple[str, ...] = ("real", "sampled", "nucleus")
    net_sizes: tuple[int, ...] = (10_000, 30_000, 100_000, 300_000)
    net_tries: tuple[int, ...] = (25, 50, 100, 200, 400, 800, 1600, 3200)
    net_context: int = 16
    net_length: int = 48

    def parts(self) -> list[dict[str, Any]]:
        """The configurations: curves and a chain for each learner."""
        count = {"learner": "count", "seeds": list(self.seeds), "T0": self.T0}
        net = {"learner": "train", "seeds": list(self.net_seeds), "T0": self.net_T0}
        net |= {"recipe": asdict(self.recipe), "context": self.net_context, "length": self.net_length}
        arms = {arm: (arm, 0.0) for arm in ARMS if arm != "mixed"}
        arms |= {"one percent": ("mixed", 0.01), "ten percent": ("mixed", 0.1)}
        sizes = {"kind": "curve", "sizes": list(self.sizes)}
        parts = [{"name": x, **count, **sizes, "arm": arm, "share": s} for x, (arm, s) in arms.items()]
        chain = {"kind": "chain", "n": self.n, "heal": list(self.heal), "arms": list(ARMS)}
        parts.append({"name": "chain", **count, **chain})
        sizes = {"kind": "curve", "sizes": list(self.net_sizes), "tries": list(self.net_tries), "T0": self.T0}
        parts += [{"name": f"net {arm}", **net, **sizes, "arm": arm} for arm in self.net_curves]
        chain = {"kind": "chain", "n": self.net_n, "arms": list(self.net_arms)}
        parts.append({"name": "net chain", **net, **chain})
        for steps in self.net_steps:
            recipe = asdict(replace(self.recipe, steps=steps))
            chain = {"kind": "chain", "n": 1, "arms": ["sampled"], "recipe": recipe}
            parts.append({"name": f"net {steps} steps", **net, **chain})
        return parts


PLANS = {
    "quick": Plan(),
    "paper": Plan(
        recipe=Recipe(width=256, layers=4, heads=8, batch=128, steps=4000, rate=1e-3),
        net_steps=(500, 1500, 8000),
        net_sizes=(10_000, 30_000, 100_000, 300_000, 600_000),
        net_tries=(250, 500, 1000, 2000, 4000),
        net_context=64,
        net_length=192,
    ),
}


@cache
def _standard() -> Corpus:
    return split(docstrings())


def _part(
    name: str,
    kind: str,
    learner: str,
    seeds: Sequence[int],
    *,
    context: int = 4,
    length: int = 100,
    recipe: dict[str, Any] | None = None,
    tries: Sequence[int] = (),
    device: str = "cpu",
    folder: str | Path | None = None,
    **rest: Any,
) -> dict[str, Any]:
    """One of `Plan.parts` as plain lists, rounded to four digits, and the seconds it took."""
    began = time.perf_counter()
    learn: Learner = count_all
    if learner == "train":
        kept = None if folder is None else Path(folder) / name
        options = {"tries": tries, "device": device, "checkpoint": kept}
        learn = partial(train_all, recipe=Recipe(**(recipe or {})), **options)
    function = {"curve": curve, "chain": chain}[kind]
    found = function(world(_standard(), seeds, context, length), learn, **rest)
    shown = {key: np.round(x, 4).tolist() for key, x in found.items()}
    return shown | {"seconds": round(time.perf_counter() - began, 1)}


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
        `quick` is for a CPU (the kept result says how long it took); `paper` wants a GPU.
    device : {"cpu", "cuda", "auto"}
        Where transformers are trained.
    jobs : int, optional
        Parts at a time.
    folder : path, optional
        Where finished parts are kept, and checkpoints until all are: the same call goes on from there.
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
    function = partial(_part, device=device, folder=folder)
    results = sweeps.run(function, parts, folder=folder, jobs=jobs, progress=progress)
    seconds = sum(result.pop("seconds") for result in results)
    texts = _standard()
    corpus = {
        "documents": [len(texts.train), len(texts.test)],
        "characters": [sum(map(len, texts.train)), sum(map(len, texts.test))],
        "leakage": round(float(leakage(texts.train, texts.test).mean()), 5),
    }
    found = {configuration["name"]: result for configuration, result in zip(parts, results, strict=True)}
    forget(folder, found)
    return {"plan": asdict(plan), "corpus": corpus, "seeds": list(plan.seeds), "seconds": seconds, **found}
