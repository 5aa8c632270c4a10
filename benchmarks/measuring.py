"""What the benchmarks against peers share: a side runs in a process of its own and prints its figures as JSON."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def run_side(python: Path | str, module: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Runs ``python -m module`` with ``--argument=value`` for each argument but None; the figures that it prints last.

    Raises SystemExit with the end of its standard error where it fails.
    """
    given = [f"--{key.replace('_', '-')}={value}" for key, value in arguments.items() if value is not None]
    command = [str(python), "-m", module, *given]
    finished = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - the benchmark itself
    if finished.returncode:
        raise SystemExit(f"{name} failed:\n{finished.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    print(f"{name}: {figures['rate']:.2f} per second, {figures['megabytes']:.0f} MB", file=sys.stderr)
    return figures


def now() -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    return time.perf_counter(), time.process_time()


def peak_megabytes() -> float:
    """The largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
