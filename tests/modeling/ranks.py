"""Starts a recipe in several processes, as torchrun does on a machine with GPUs; here gloo on the CPU.

Most of a short run in new interpreters would be their imports. The processes are therefore forked from one that has
imported the recipes and done nothing else; torchrun itself is left to the tests that ask for it.
"""

import importlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Protocol

import pytest
import torch
from torch.distributed import TCPStore

PATIENCE = 240
"""Seconds that a run of a few steps may take, on a machine that does other work too."""
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "modeling.distill_context",
        "modeling.ghost_attention",
        "modeling.rejection_sampling",
        "modeling.train_dpo",
        "modeling.train_ppo",
        "modeling.train_reward",
        "modeling.train_sft",
        "tests.modeling.ranks",
        "transformers.models.llama.modeling_llama",
    ]
)


class Started(Protocol):
    """A run in processes of its own."""

    def ended(self) -> bool: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def finish(self) -> tuple[int, str]:
        """Waits for the end: the exit status, 0 where all went well, and what the run said. A run that takes too long
        is terminated."""


class Forked:
    """A run whose ranks are forks; where one fails the others are ended, as torchrun does it."""

    def __init__(self, module: str, run: Path, ranks: int) -> None:
        # The store is here, as torchrun's is in its agent: it chooses a free port and holds it.
        self.store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        with tempfile.NamedTemporaryFile(prefix="ranks-", suffix=".log", delete=False) as log:
            self.log = Path(log.name)
        known = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": self.store.port, "WORLD_SIZE": ranks}
        known |= {"TORCHELASTIC_USE_AGENT_STORE": True, "TORCHELASTIC_RESTART_COUNT": 0, "CUDA_VISIBLE_DEVICES": ""}
        self.processes = []
        for rank in range(ranks):
            environment = {name: str(value) for name, value in (known | {"RANK": rank, "LOCAL_RANK": rank}).items()}
            arguments = (module, str(run / "config.yaml"), self.log, environment)
            self.processes.append(FORKS.Process(target=_rank, args=arguments, daemon=True))
        for process in self.processes:
            process.start()

    def ended(self) -> bool:
        return not any(process.is_alive() for process in self.processes)

    def terminate(self) -> None:
        for process in self.processes:
            process.terminate()

    def kill(self) -> None:
        for process in self.processes:
            process.kill()

    def finish(self) -> tuple[int, str]:
        deadline = time.monotonic() + PATIENCE
        while going := [process.sentinel for process in self.processes if process.is_alive()]:
            wait(going, timeout=max(0.0, deadline - time.monotonic()))
            if time.monotonic() > deadline or any(process.exitcode for process in self.processes):
                for process in self.processes:
                    process.join(30)  # a rank that was stopped in good order is given the time to say so
                    process.kill()
        status = next((process.exitcode for process in self.processes if process.exitcode), 0)
        output = self.log.read_text()
        self.log.unlink()
        return status, output


def _rank(module: str, config: str, log: Path, environment: dict[str, str]) -> None:
    """What one fork does: ``python -m module config`` with its output added to the log."""
    os.environ.update(environment)
    torch.set_num_threads(1)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(importlib.import_module(module).main([config]))


class Torchrun:
    """A run under torchrun itself, in new interpreters; the free port is torchrun's choice."""

    def __init__(self, module: str, run: Path, ranks: int) -> None:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
        self.process = subprocess.Popen(
            [sys.executable, *launcher, "-m", module, str(run / "config.yaml")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )

    def ended(self) -> bool:
        return self.process.poll() is not None

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()

    def finish(self) -> tuple[int, str]:
        try:
            output, _ = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.terminate()  # not killed: torchrun would leave its processes behind
            output, _ = self.process.communicate()
        return self.process.returncode, output


Launch = Callable[[str, Path, int], Started]


def run_ranks(module: str, run: Path, ranks: int = 2, launch: Launch = Forked) -> list[dict[str, float]]:
    """Runs the recipe to its end; the lines of its metrics.jsonl. Fails with the run's output where it failed."""
    status, output = launch(module, run, ranks).finish()
    assert status == 0, output
    return curve(run)


def run_ranks_until(step: int, module: str, run: Path, ranks: int = 2, launch: Launch = Forked) -> str:
    """Runs the recipe until its metrics.jsonl has the step, then asks each process to stop by SIGTERM; the run's
    output. Fails where the run came to its end before."""
    started = launch(module, run, ranks)
    wait_until(lambda: len(curve(run)) >= step, started)
    started.terminate()
    status, output = started.finish()
    assert len(curve(run)) >= step, output
    assert status != 0, output
    assert not (run / "report.json").exists()
    return output


def kill_once(reached: Callable[[], bool], started: Started) -> None:
    """Lets the run get there and kills it with signal 9."""
    wait_until(reached, started)
    started.kill()
    started.finish()


def wait_until(reached: Callable[[], bool], started: Started) -> None:
    """Waits for what the run is to reach; fails, with the run's output, where it ends before or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if started.ended() or time.monotonic() > deadline:
            started.terminate()
            pytest.fail(f"the run did not get there: {started.finish()}")
        time.sleep(0.01)


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
