"""Starts a recipe in several processes, as torchrun does on a machine with GPUs; here gloo on the CPU."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE = 240
"""Seconds that a run of a few steps may take: most of them are imports, on a machine that does other work too."""


def start(module: str, run: Path, ranks: int) -> subprocess.Popen[str]:
    """Starts ``python -m module run/config.yaml``, under torchrun on a free port where ranks is above 1."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", module, str(run / "config.yaml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


def run_ranks(module: str, run: Path, ranks: int = 2) -> list[dict[str, float]]:
    """Runs the recipe to its end; the lines of its metrics.jsonl. Fails with the run's output where it failed."""
    process = start(module, run, ranks)
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.terminate()  # not killed: torchrun would leave its processes behind
        output, _ = process.communicate()
    assert process.returncode == 0, output
    return curve(run)


def run_ranks_until(step: int, module: str, run: Path, ranks: int = 2) -> str:
    """Runs the recipe until its metrics.jsonl has the step, then asks it to stop by SIGTERM (torchrun passes it on to
    its processes); the run's output. Fails where the run came to its end before."""
    process = start(module, run, ranks)
    deadline = time.monotonic() + PATIENCE
    while len(curve(run)) < step:
        assert process.poll() is None, process.communicate()[0]
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    process.terminate()
    output, _ = process.communicate(timeout=PATIENCE)
    assert len(curve(run)) >= step, output
    assert process.returncode != 0, output
    assert not (run / "report.json").exists()
    return output


def curve(run: Path) -> list[dict[str, float]]:
    """The complete lines of a run's metrics.jsonl; none where it hasn't started."""
    path = run / "metrics.jsonl"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def assert_same_curve(curve: list[dict[str, float]], expected: list[dict[str, float]], within: float = 1e-5) -> None:
    """The loss is the same at every step; so is every other figure but the timings, relative to its size where that is
    above 1 (a gradient's norm)."""
    assert len(curve) == len(expected) > 0
    for line, other in zip(curve, expected, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], abs=within, rel=0), f"at step {other['step']}"
        assert _untimed(line) == pytest.approx(_untimed(other), abs=within, rel=within), f"at step {other['step']}"


def _untimed(line: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in line.items() if name != "seconds" and not name.endswith("_per_second")}
