"""Run a lab from the command line and keep its results with where they come from.

python -m collapse.experiments gcd --scale quick
python -m collapse.experiments gcd --scale paper --device cuda

A run that is killed goes on where it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from . import training

LABS = ("gcd", "text")


def main(arguments: Sequence[str] | None = None) -> Path:
    """Run one lab and write its JSON file.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line; those of the process by default.

    Returns
    -------
    Path
        The file that was written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m collapse.experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lab", choices=LABS)
    parser.add_argument("--scale", choices=("quick", "paper"), help="default: COLLAPSE_SCALE, else quick")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--jobs", type=int, help="processes at a time (default 1)")
    parser.add_argument("--folder", type=Path, help="unfinished work (default: results-LAB-SCALE)")
    parser.add_argument("--out", type=Path, help="the result (default: LAB-SCALE.json)")
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(given)
    scale = options.scale or training.scale()
    lab = importlib.import_module(f"{__package__}.{options.lab}")
    record = lab.run(
        scale,
        device=options.device,
        jobs=options.jobs,
        folder=options.folder or Path(f"results-{options.lab}-{scale}"),
        progress=options.lab,
    )
    command = shlex.join(["python", "-m", "collapse.experiments", options.lab, "--scale", scale])
    if options.device != "auto":
        command += f" --device {options.device}"
    where = training.provenance(options.device, record.pop("seeds"), record.pop("seconds"), command)
    path = training.write_json(options.out or f"{options.lab}-{scale}.json", {"provenance": where, **record})
    print(f"wrote {path}")
    return path


if __name__ == "__main__":
    main()
