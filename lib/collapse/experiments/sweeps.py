"""One function over many configurations, in parallel, losing nothing when it is killed.

The work goes through joblib. On a cluster the call stays the same:

    with joblib.parallel_config(backend="dask"):
        results = sweeps.run(function, configurations, folder="results")
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .training import write_json


def run(
    function: Callable[..., Any],
    configurations: Sequence[dict[str, Any]],
    *,
    folder: str | Path | None = None,
    jobs: int | None = None,
    progress: str | None = None,
) -> list[Any]:
    """`function(**configuration)` for each configuration.

    Parameters
    ----------
    function : callable
        Takes a configuration as keywords; what it returns must be fit for JSON if there is a folder.
    configurations : sequence of dict
        What determines each result, fit for JSON.
    folder : path, optional
        Each result is kept there in a file of its own as soon as it arrives, and is not computed again:
        the file's name is a digest of its configuration. The calling process writes it, so that the workers
        need no disk in common. One folder for one function.
    jobs : int, optional
        Processes at a time; -1 for one on each core. By default what `joblib.parallel_config` says, else one.
    progress : str, optional
        Shows a progress bar of that name.

    Returns
    -------
    list
        Results in the order of the configurations, as JSON holds them if there is a folder.

    Raises
    ------
    ValueError
        If two configurations are equal, or a file in the folder belongs to another configuration.
    TypeError
        If a configuration (or, with a folder, a result) does not fit into JSON.
    ImportError
        If joblib is not installed.

    Examples
    --------
    >>> run(lambda x, y: x + y, [{"x": 1, "y": 2}, {"x": 3, "y": 4}])
    [3, 7]
    """
    import joblib

    names = [_digest(configuration) for configuration in configurations]
    if len(set(names)) < len(names):
        raise ValueError(f"configurations must differ from each other, got {len(names)} with repeats")
    results: dict[int, Any] = {}
    if folder is not None:
        for index, name in enumerate(names):
            path = Path(folder) / f"{name}.json"
            if path.exists():
                kept = json.loads(path.read_text(encoding="utf8"))
                if _digest(kept["configuration"]) != name:
                    raise ValueError(f"folder must hold the results of this sweep, got another's: {path}")
                results[index] = kept["result"]
    left = [index for index in range(len(names)) if index not in results]
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    arriving = parallel(joblib.delayed(_numbered)(i, function, configurations[i]) for i in left)
    for index, result in _shown(arriving, progress, done=len(results), total=len(names)):
        if folder is not None:
            record = {"configuration": configurations[index], "result": result}
            path = write_json(Path(folder) / f"{names[index]}.json", record)
            result = json.loads(path.read_text(encoding="utf8"))["result"]
        results[index] = result
    return [results[index] for index in range(len(names))]


def _digest(configuration: dict[str, Any]) -> str:
    """Name of a configuration, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:16]


def _numbered(index: int, function: Callable[..., Any], configuration: dict[str, Any]) -> tuple[int, Any]:
    return index, function(**configuration)


def _shown(arriving: Any, name: str | None, done: int, total: int) -> Any:
    if name is None:
        return arriving
    from tqdm.auto import tqdm

    return tqdm(arriving, desc=name, initial=done, total=total)
