"""Lab: a transformer learns the greatest common divisor, from true labels and from those of earlier models.

The task is F. Charton's: two integers as digits in base B, their gcd as a class. The outcome is Zipf with
exponent 2, P(gcd = g) = 6 / (pi g)^2, so that Part III of the book has something to say about it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import _checks
from . import sweeps
from .training import Recipe, Transformer, _start, draw, forget, predict, train


def outcome_probability(g: Any, N: int | None = None) -> np.ndarray:
    """Chance that the gcd of two independent uniform integers from 1 to N is g.

    Parameters
    ----------
    g : int or array
        Values of the gcd, >= 1.
    N : int, optional
        Largest operand, exact; without it the limit of large N, 6 / (pi g)^2.

    Returns
    -------
    array, shape of g

    Raises
    ------
    ValueError
        If g or N is not a whole number >= 1.

    Source: `thm-gcd-zipf`, chapter *Lab: a transformer learns gcd*.

    Examples
    --------
    >>> outcome_probability([1, 2, 3]).round(4)
    array([0.6079, 0.152 , 0.0675])
    >>> float(outcome_probability(1, N=2))
    0.75
    """
    g = _checks.counts("g", g)
    if N is None:
        return 6 / (np.pi * g) ** 2
    N = _checks.count("N", N)
    # gcd(a, b) = g iff a = g x, b = g y with x, y coprime and at most N / g.
    coprime = 2 * np.cumsum(_totients(N)) - 1
    largest = (N // g).astype(int)
    return np.where(largest > 0, coprime[largest], 0) / N**2


def _totients(N: int) -> np.ndarray:
    """Euler's function of 0 .. N, by a sieve."""
    phi = np.arange(N + 1)
    for p in range(2, N + 1):
        if phi[p] == p:
            phi[p::p] -= phi[p::p] // p
    return phi


def floor(outcomes: Any, N: int | None = None) -> float:
    """Least error of any model that only ever answers one of `outcomes`: the chance of all the others.

    Parameters
    ----------
    outcomes : sequence of int
        The answers that the model can give, each >= 1 and once.
    N : int, optional
        As in `outcome_probability`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an outcome is not a whole number >= 1, or is listed twice.

    Source: `prop-gcd-floor`, chapter *Lab: a transformer learns gcd*.

    Examples
    --------
    >>> round(floor([1, 2, 3, 4, 6, 12]), 4)
    0.1134
    """
    outcomes = _checks.vector("outcomes", outcomes, check=_checks.counts)
    if len(np.unique(outcomes)) < len(outcomes):
        raise ValueError(f"outcomes must differ from each other, got {outcomes.astype(int).tolist()}")
    return float(1 - outcome_probability(outcomes, N).sum())


def readable(base: int, digits: int) -> np.ndarray:
    """The divisors of base^digits: the gcds that the last `digits` digits of both operands show.

    Parameters
    ----------
    base : int
        Base of the numbers, >= 2.
    digits : int
        How many last digits are read, >= 1.

    Returns
    -------
    integer array
        In increasing order.

    Raises
    ------
    ValueError
        If `base` or `digits` is outside its range.

    Source: `prop-gcd-digits`, chapter *Lab: a transformer learns gcd*.

    Examples
    --------
    >>> readable(12, 1).tolist()
    [1, 2, 3, 4, 6, 12]
    """
    base, digits = _checks.count("base", base, low=2), _checks.count("digits", digits)
    power = base**digits
    small = [g for g in range(1, int(power**0.5) + 1) if power % g == 0]
    return np.array(sorted({*small, *(power // g for g in small)}))


@dataclass(frozen=True)
class Task:
    """Pairs of integers from 1 to base^digits - 1 and their gcd.

    A pair is held out for the test by a hash of the two numbers in increasing order, so (a, b) and (b, a)
    are on the same side.

    Parameters
    ----------
    base, digits : int
        Operands are written with so many digits in this base.
    classes : int
        The answers are 1 .. classes - 1, and 0 for anything larger.
    share : float
        Of the pairs that are held out.

    Examples
    --------
    >>> task = Task()
    >>> task.N, task.labels(np.array([[12, 18], [100, 50]])).tolist()
    (143, [6, 0])
    """

    base: int = 12
    digits: int = 2
    classes: int = 41
    share: float = 0.3

    def __post_init__(self) -> None:
        _checks.count("base", self.base, low=2)
        _checks.count("digits", self.digits)
        _checks.count("classes", self.classes, low=2)
        share = _checks.scalar("share", self.share, _checks.positive)
        if share >= 1:
            raise ValueError(f"share must be < 1, got {share:g}")

    @property
    def N(self) -> int:
        """Largest operand."""
        return self.base**self.digits - 1

    def held_out(self, pairs: np.ndarray) -> np.ndarray:
        """Which pairs (..., 2) belong to the test."""
        low, high = pairs.min(-1).astype(np.uint64), pairs.max(-1).astype(np.uint64)
        x = low * np.uint64(self.N + 1) + high
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)  # the mixing steps of splitmix64
        return x < np.uint64(self.share * 2.0**64)

    def sample(self, rng: np.random.Generator, T: int, test: bool = False) -> np.ndarray:
        """T independent uniform pairs, shape (T, 2), from the training or from the test side."""
        found: list[np.ndarray] = []
        while sum(map(len, found)) < T:
            pairs = rng.integers(1, self.N + 1, size=(2 * T + 64, 2))
            found.append(pairs[self.held_out(pairs) == test])
        return np.concatenate(found)[:T]

    def test_pairs(self, most: int = 20_000) -> np.ndarray:
        """All the held-out pairs if there are few operands, else `most` random ones."""
        if self.N > 1000:
            return self.sample(np.random.default_rng(0), most, test=True)
        pairs = np.stack(np.meshgrid(*2 * [np.arange(1, self.N + 1)], indexing="ij"), -1).reshape(-1, 2)
        return pairs[self.held_out(pairs)]

    def labels(self, pairs: np.ndarray) -> np.ndarray:
        """True classes of pairs (..., 2)."""
        g = np.gcd(pairs[..., 0], pairs[..., 1])
        return np.where(g < self.classes, g, 0)

    def tokens(self, pairs: torch.Tensor) -> torch.Tensor:
        """Digits of both operands, highest first: (..., 2) to (..., 2 * digits)."""
        powers = self.base ** torch.arange(self.digits - 1, -1, -1, device=pairs.device)
        return (pairs[..., None] // powers % self.base).flatten(-2)


def fit(
    task: Task,
    recipe: Recipe,
    data: Sequence[tuple[np.ndarray, np.ndarray]],
    seeds: Sequence[int],
    *,
    device: str = "cpu",
    checkpoint: str | Path | None = None,
) -> Transformer:
    """Train one model on each data set, all at once.

    Parameters
    ----------
    task : Task
        What is learned.
    recipe : Recipe
        How.
    data : sequence of (pairs, labels)
        One data set a model, shapes (T, 2) and (T,); T may differ.
    seeds : sequence of int
        One a model: its initial weights and its batches.
    device : {"cpu", "cuda", "auto"}
        Where.
    checkpoint : path, optional
        As in `training.train`.

    Returns
    -------
    Transformer
        With len(data) replicas.

    Raises
    ------
    ValueError
        If there is not one seed for each data set, or a data set is empty.

    Examples
    --------
    >>> task, tiny = Task(base=3), Recipe(width=8, heads=2, batch=8, steps=2)
    >>> pairs = task.sample(np.random.default_rng(0), 20)
    >>> fit(task, tiny, [(pairs, task.labels(pairs))], [0]).replicas
    1
    """
    if len(data) != len(seeds):
        raise ValueError(f"seeds must be one for each of the {len(data)} data sets, got {len(seeds)}")
    sizes = [len(labels) for _, labels in data]
    if min(sizes) < 1:
        raise ValueError("data must hold no empty data set, got one of T = 0")
    shape = {"width": recipe.width, "layers": recipe.layers, "heads": recipe.heads}
    model = Transformer(task.base, 2 * task.digits, task.classes, **shape, seeds=seeds, device=device)
    # All data sets end to end, on the model's device; a batch is one look-up.
    pairs = torch.from_numpy(np.concatenate([p for p, _ in data])).to(model.device)
    labels = torch.from_numpy(np.concatenate([y for _, y in data])).to(model.device)
    starts = torch.from_numpy(np.cumsum([0, *sizes[:-1]]))[:, None]

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        index = (starts + draw(seeds, step, recipe.batch, sizes)).to(model.device)
        return task.tokens(pairs[index]), labels[index]

    return train(model, batch, recipe.steps, rate=recipe.rate, checkpoint=checkpoint).model


def answers(
    model: Transformer,
    task: Task,
    pairs: np.ndarray,
    seeds: Sequence[Any] | None = None,
    replicas: slice = slice(None),
) -> np.ndarray:
    """Labels that each model gives to pairs: its first choice, or a draw from its probabilities.

    Parameters
    ----------
    model : Transformer
        R models.
    task : Task
        What they learned.
    pairs : integer array, shape (N, 2) or (R, N, 2)
        The same for all models, or their own.
    seeds : sequence of int (or tuples of int), optional
        One for each model that answers: labels are drawn. Without it they are the most likely class
        ("greedy").
    replicas : slice
        Which models answer; all by default.

    Returns
    -------
    integer array, shape (R, N)

    Raises
    ------
    ValueError
        If the pairs are not of one of the two shapes.

    Examples
    --------
    >>> task, tiny = Task(base=3), Recipe(width=8, heads=2, batch=8, steps=2)
    >>> pairs = task.sample(np.random.default_rng(0), 20)
    >>> answers(fit(task, tiny, [(pairs, task.labels(pairs))], [0]), task, pairs).shape
    (1, 20)
    """
    model = model.part(replicas)
    logits = predict(model, task.tokens(torch.from_numpy(pairs)))
    if seeds is None:
        return logits.argmax(-1).numpy()
    # Adding Gumbel noise to the logits and taking the largest draws from the softmax.
    noise = np.stack([np.random.default_rng(seed).gumbel(size=logits.shape[1:]) for seed in seeds])
    return (logits.numpy() + noise).argmax(-1)


def measure(model: Transformer, task: Task) -> dict[str, np.ndarray]:
    """What each model knows, on the held-out pairs.

    Parameters
    ----------
    model : Transformer
        R models.
    task : Task
        What they learned.

    Returns
    -------
    dict of arrays, shape (R,) but for `recall`
        `error`: share of wrong first choices. `recall`, shape (R, classes): share of right ones for each
        true class. `outcomes`: number of different first choices. `mass`: true chance of the classes
        that are ever a first choice; the error is at least 1 - mass. `explained`: share of first choices
        that are the largest divisor of both numbers among those the model has learned (recall >= 1/2).
        `gap`: mean entropy minus mean cross-entropy `nll`, 0 for a model that is as sure as it is right
        (which one that knows the frequencies only can be too).

    Raises
    ------
    ValueError
        If the model was not made for such pairs.

    Examples
    --------
    >>> task, tiny = Task(base=3), Recipe(width=8, heads=2, batch=8, steps=2)
    >>> pairs = task.sample(np.random.default_rng(0), 20)
    >>> measure(fit(task, tiny, [(pairs, task.labels(pairs))], [0]), task)["recall"].shape
    (1, 41)
    """
    pairs = task.test_pairs()
    truth = task.labels(pairs)
    log_p = predict(model, task.tokens(torch.from_numpy(pairs))).log_softmax(-1)
    choice = log_p.argmax(-1).numpy()
    right = choice == truth
    counts = np.bincount(truth, minlength=task.classes)
    each = np.stack([np.bincount(truth, row, task.classes) for row in right])
    used = np.stack([np.bincount(row, minlength=task.classes) > 0 for row in choice])
    recall = np.divide(each, counts, out=np.full(each.shape, np.nan), where=counts > 0)
    divisors = np.gcd(pairs[:, 0], pairs[:, 1])
    largest = np.stack([_largest_divisor(divisors, np.flatnonzero(row >= 0.5)) for row in recall])
    entropy = -(log_p.exp() * log_p).sum(-1).mean(1).numpy()
    nll = -log_p[:, np.arange(len(truth)), truth].mean(1).numpy()
    return {
        "error": 1 - right.mean(1),
        "recall": recall,
        "outcomes": used.sum(1),
        "mass": (used * counts).sum(1) / len(truth),
        "explained": (choice == largest).mean(1),
        "gap": entropy - nll,
        "nll": nll,
    }


def _largest_divisor(numbers: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """The largest of the `learned` classes that divides each number; 0 where there is none."""
    found = np.zeros_like(numbers)
    for divisor in learned[learned > 0]:  # in increasing order
        found[numbers % divisor == 0] = divisor
    return found


def curve(
    task: Task,
    recipe: Recipe,
    sizes: Sequence[int],
    seeds: Sequence[int],
    *,
    T0: int | None = None,
    real: float = 0.0,
    device: str = "cpu",
    checkpoint: str | Path | None = None,
) -> dict[str, np.ndarray]:
    """Error against the size of the training set: true labels, or those of a model.

    Parameters
    ----------
    task, recipe
        What is learned, and how.
    sizes : sequence of int
        Training sets.
    seeds : sequence of int
        Replicas: data, initial weights and batches all change. The same seed gives the same pairs whatever
        the labels, so that two curves may be compared seed by seed.
    T0 : int, optional
        The labels are the first choices of a model trained on T0 pairs of its own; without it they are true.
    real : float
        Share of the pairs whose labels are true all the same.
    device, checkpoint
        As in `fit`; a checkpoint is the start of a file name.

    Returns
    -------
    dict of arrays, shape (seeds, sizes) and (seeds, sizes, classes)
        As in `measure`; `teacher` is the error of the model that gave the labels, shape (seeds,).

    Raises
    ------
    ValueError
        If a size is < 1 or `real` is not between 0 and 1.

    Examples
    --------
    >>> task, tiny = Task(base=3), Recipe(width=8, heads=2, batch=8, steps=2)
    >>> curve(task, tiny, [10, 20], [0, 1])["error"].shape
    (2, 2)
    """
    sizes = [_checks.count("sizes", T) for T in sizes]
    real = _checks.scalar("real", _checks.between("real", real, 0, 1))
    kept = _places(checkpoint)
    pairs = [[task.sample(np.random.default_rng((s, 0, T)), T) for T in sizes] for s in seeds]
    labels = [[task.labels(p) for p in row] for row in pairs]
    result = {}
    if T0 is not None:
        own = [task.sample(np.random.default_rng((s, 1, T0)), T0) for s in seeds]
        starts = [_start(s, 1) for s in seeds]
        teacher = fit(
            task,
            recipe,
            [(p, task.labels(p)) for p in own],
            starts,
            device=device,
            checkpoint=kept("teacher"),
        )
        result["teacher"] = measure(teacher, task)["error"]
        for column, T in enumerate(sizes):
            given = answers(teacher, task, np.stack([row[column] for row in pairs]))
            for row, new in zip(labels, given, strict=True):
                true = round(real * T)
                row[column] = np.concatenate([row[column][:true], new[true:]])
    data = [(p, y) for ps, ys in zip(pairs, labels, strict=True) for p, y in zip(ps, ys, strict=True)]
    starts = [_start(s, 2 + i) for s in seeds for i in range(len(sizes))]
    model = fit(task, recipe, data, starts, device=device, checkpoint=kept("curve"))
    shape = (len(seeds), len(sizes))
    return result | {name: x.reshape(*shape, *x.shape[1:]) for name, x in measure(model, task).items()}


CHAINS = ("greedy", "sampled", "mixed", "real")


def chain(
    task: Task,
    recipe: Recipe,
    T0: int,
    n: int,
    seeds: Sequence[int],
    *,
    arms: Sequence[str] = CHAINS,
    real: float = 0.1,
    device: str = "cpu",
    checkpoint: str | Path | None = None,
) -> dict[str, np.ndarray]:
    """Generations: each model learns T0 fresh pairs with the labels of the model before it.

    Parameters
    ----------
    task, recipe
        What is learned, and how.
    T0 : int
        Pairs of each generation.
    n : int
        Generations after the first, which has true labels.
    seeds : sequence of int
        Replicas. In one generation all arms see the same pairs and start from the same weights.
    arms : sequence of {"greedy", "sampled", "mixed", "real"}
        Labels: the first choice of the model before, a draw from its probabilities, its first choice but
        true for a share `real` of the pairs, or all true: the control, which shows what fresh pairs and new
        weights do by themselves.
    real : float
        That share.
    device, checkpoint
        As in `curve`.

    Returns
    -------
    dict of arrays, shape (arms, n + 1, seeds) and (arms, n + 1, seeds, classes)
        As in `measure`. Generation 0 is the same model in all arms. `labels` is the number of different
        labels in the training set of each generation.

    Raises
    ------
    ValueError
        If T0 or n is < 1, or an arm is unknown.

    Examples
    --------
    >>> task, tiny = Task(base=3), Recipe(width=8, heads=2, batch=8, steps=2)
    >>> chain(task, tiny, 20, 1, [0], arms=["greedy", "real"])["labels"].shape
    (2, 2, 1)
    """
    T0, n = _checks.count("T0", T0), _checks.count("n", n)
    for arm in arms:
        _checks.choice("arms", arm, CHAINS)
    kept = _places(checkpoint)
    pairs = np.stack(
        [[task.sample(np.random.default_rng((s, 3, g)), T0) for s in seeds] for g in range(n + 1)]
    )
    first = task.labels(pairs[0])
    model = fit(
        task, recipe, list(zip(pairs[0], first, strict=True)), [_start(s, 100) for s in seeds],
        device=device, checkpoint=kept("0"),
    )  # fmt: skip

    def known(found: dict[str, np.ndarray], labels: np.ndarray) -> dict[str, np.ndarray]:
        return found | {"labels": np.array([len(np.unique(row)) for row in labels])}

    def tiled(x: np.ndarray) -> np.ndarray:
        return np.tile(x, (len(arms),) + (1,) * (x.ndim - 1))

    generations = [{k: tiled(x) for k, x in known(measure(model, task), first).items()}]
    for g in range(1, n + 1):
        truth = task.labels(pairs[g])
        labels = []
        for row, arm in enumerate(arms):
            # The models of generation g - 1 in this arm; the first generation has no arms yet.
            rows = slice(None) if g == 1 else slice(row * len(seeds), (row + 1) * len(seeds))
            draws = [(s, 4, g) for s in seeds] if arm == "sampled" else None
            true = {"real": T0, "mixed": round(real * T0)}.get(arm, 0)
            given = truth if arm == "real" else answers(model, task, pairs[g], draws, rows)
            labels.extend(np.concatenate([truth[:, :true], given[:, true:]], 1))
        data = list(zip(np.concatenate([pairs[g]] * len(arms)), labels, strict=True))
        starts = [_start(s, 100 + g) for s in seeds] * len(arms)
        model = fit(task, recipe, data, starts, device=device, checkpoint=kept(str(g)))
        generations.append(known(measure(model, task), np.array(labels)))
    shape = (len(arms), len(seeds))
    return {
        name: np.stack([x[name].reshape(*shape, *x[name].shape[1:]) for x in generations], 1)
        for name in generations[0]
    }


def _places(checkpoint: str | Path | None) -> Any:
    """Names of the checkpoints of a run that trains several times."""
    return lambda name: None if checkpoint is None else Path(f"{checkpoint}-{name}.pt")


_SMALL, _LONGER = Recipe(), Recipe(steps=2000)


@dataclass(frozen=True)
class Plan:
    """All that determines a run of the lab.

    Parameters
    ----------
    task : Task
        The numbers.
    recipe, chain_recipe : Recipe
        For the curves and for the generations.
    seeds : tuple of int
        Replicas.
    sizes : tuple of int
        Training sets of the curves.
    T0 : int
        Pairs behind the model whose labels the curves use.
    real : float
        Share of true labels in the mixed curve and the mixed generations.
    chain_T0, n : int
        Pairs of a generation; generations.
    arms : tuple of str
        Kinds of generations, as in `chain`.
    """

    task: Task = Task()
    recipe: Recipe = _SMALL
    chain_recipe: Recipe = _LONGER
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    sizes: tuple[int, ...] = (300, 1000, 3000, 10_000, 30_000)
    T0: int = 1000
    real: float = 0.1
    chain_T0: int = 10_000
    n: int = 3
    arms: tuple[str, ...] = ("greedy", "sampled", "real")

    def parts(self) -> list[dict[str, Any]]:
        """The configurations of the four parts: three curves and the generations."""
        common = {"task": asdict(self.task), "seeds": list(self.seeds)}
        curves = {**common, "kind": "curve", "recipe": asdict(self.recipe), "sizes": list(self.sizes)}
        generations = {"kind": "chain", "recipe": asdict(self.chain_recipe), "T0": self.chain_T0, "n": self.n}
        return [
            {"name": "clean", **curves},
            {"name": "greedy", **curves, "T0": self.T0},
            {"name": "chain", **common, **generations, "arms": list(self.arms), "real": self.real},
            {"name": "mixed", **curves, "T0": self.T0, "real": self.real},
        ]


_LARGE = Recipe(width=256, layers=4, heads=8, batch=1024, steps=50_000, rate=5e-4)
PLANS = {
    "quick": Plan(),
    # Operands up to 810 000, training sets that hardly repeat, a hundred outcomes.
    "paper": Plan(
        task=Task(base=30, digits=4, classes=101, share=0.05),
        recipe=_LARGE,
        chain_recipe=_LARGE,
        seeds=(0, 1, 2),
        sizes=(10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000),
        T0=100_000,
        chain_T0=1_000_000,
        n=5,
        arms=CHAINS,
    ),
}


def part(
    name: str,
    kind: str,
    task: dict[str, Any],
    recipe: dict[str, Any],
    *,
    device: str = "cpu",
    folder: str | Path | None = None,
    **rest: Any,
) -> dict[str, Any]:
    """One part of a run as plain lists, rounded to four digits.

    Parameters
    ----------
    name : str
        Start of the names of its checkpoints.
    kind : {"curve", "chain"}
        Which function.
    task, recipe : dict
        A `Task` and a `Recipe` as `dataclasses.asdict` gives them.
    device : {"cpu", "cuda", "auto"}
        Where.
    folder : path, optional
        Place of the checkpoints.
    **rest
        Other arguments of the function.

    Returns
    -------
    dict
        As `curve` or `chain` returns it, and the `seconds` it took.

    Raises
    ------
    ValueError
        If `kind` is unknown.

    Examples
    --------
    >>> task, tiny = Task(base=3), Recipe(width=8, heads=2, batch=8, steps=2)
    >>> found = part("demo", "curve", asdict(task), asdict(tiny), sizes=[20], seeds=[0])
    >>> len(found["error"][0])
    1
    """
    start = time.perf_counter()
    function = {"curve": curve, "chain": chain}[_checks.choice("kind", kind, ("curve", "chain"))]
    kept = None if folder is None else Path(folder) / name
    found = function(Task(**task), Recipe(**recipe), device=device, checkpoint=kept, **rest)
    shown = {key: np.round(x, 4).tolist() for key, x in found.items()}
    return shown | {"seconds": round(time.perf_counter() - start, 1)}


def run(
    scale: str = "quick",
    *,
    device: str = "cpu",
    jobs: int | None = None,
    folder: str | Path | None = None,
    progress: str | None = None,
) -> dict[str, Any]:
    """The whole lab: three curves and the generations.

    Parameters
    ----------
    scale : {"quick", "paper"}
        `quick` is for a CPU (the kept result says how long it took); `paper` wants a GPU.
    device : {"cpu", "cuda", "auto"}
        Where.
    jobs : int, optional
        Parts at a time.
    folder : path, optional
        Where finished parts are kept, and checkpoints until all are: the same call goes on from there.
    progress : str, optional
        Shows a progress bar of that name.

    Returns
    -------
    dict
        `plan`, `seeds`, `seconds` (of all parts together) and the parts by name, ready for JSON.

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
    function = partial(part, device=device, folder=folder)
    results = sweeps.run(function, parts, folder=folder, jobs=jobs, progress=progress)
    seconds = sum(result.pop("seconds") for result in results)
    found = {configuration["name"]: result for configuration, result in zip(parts, results, strict=True)}
    forget(folder, found)
    return {"plan": asdict(plan), "seeds": list(plan.seeds), "seconds": seconds, **found}
