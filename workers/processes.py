"""The training processes: one, or one per GPU under torchrun; tethered to this process and ended with it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from django.conf import settings

from workers.tether import tethered, tethered_to_its_parent

KILLED = re.compile(r"traceback *: Signal \d+ \((\w+)\)")
"""How torchrun says that one of its processes was ended by a signal."""
PATIENCE_SECONDS = 8
"""How long a training may take to save its state when it is asked to stop."""


def process_count() -> int:
    """How many processes train together: as the setting says, or one per GPU."""
    return settings.PLUMBLINE_TRAINING_PROCESSES or max(1, torch.cuda.device_count())


def command_of(module: str, config: Path, processes: int) -> Sequence[str]:
    """What runs a recipe on its config. torchrun starts each of its processes in a session of its own, out of reach of
    a signal to its group, so each is tethered to it too."""
    recipe = [sys.executable, "-m", module, str(config)]
    if processes == 1:
        return recipe
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [*torchrun, "--no-python", *tethered_to_its_parent(recipe)]


@contextmanager
def launched(folder: Path, module: str, processes: int = 1) -> Iterator["subprocess.Popen[bytes]"]:
    """The training, in a group of its own, so that Ctrl-C reaches it through us alone; its words in log.txt."""
    command = tethered([*command_of(module, folder / "config.yaml", processes)])
    # Threads that wait for a late one sleep instead of spinning: on two busy cores twice as fast, on idle ones a sixth
    # slower. It changes no figure.
    patient = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the project's own command
            command,
            cwd=settings.BASE_DIR,
            env=patient,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let it save its state, and insist when it takes too long; its checkpoints are written whole in any case."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def reason_of(folder: Path, status: int) -> str:
    """Why a training failed, in its own words where it left any."""
    log = folder / "log.txt"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    if status > 0 and errors:
        return f"{errors[-1].removeprefix('Error: ')} (log: {log})"
    killed = [found[1] for line in lines if (found := KILLED.search(line))]
    if status < 0 or killed:
        name = signal.Signals(-status).name if status < 0 else killed[-1]
        return f"The training process was ended by {name}, perhaps for lack of memory; resume it, or see {log}."
    if any("can't allocate memory" in line for line in lines):  # the host's memory; a GPU's is the recipe's to tell
        return f"The training process ran out of memory: lower token_budget or max_length, or see {log}."
    return f"The training process failed with status {status}: {' / '.join(lines[-3:])} (log: {log})"
