"""A training run's state on the disk: what a run that was killed goes on from."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modeling.checkpoints import is_whole, save_tensors, written_whole

_STATE = "training.pt"


class ResumeError(ValueError):
    """A run's folder holds the state of a different run."""


@dataclass(frozen=True)
class Position:
    """Where a run is: steps done, and the seconds that they took. Randomness is a function of seed and step, so that
    no generator's state needs keeping."""

    step: int
    seconds: float


def save_state(folder: Path, position: Position, state: dict[str, Any]) -> None:
    """Writes folder/step-N whole or not at all, then removes all but the last two. state: tensors and plain values."""
    with written_whole(folder / f"step-{position.step}") as partial:
        save_tensors({"step": position.step, "seconds": position.seconds, **state}, partial / _STATE)
    for older in _newest_first(folder)[2:]:
        shutil.rmtree(older)


def newest_state(folder: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The newest whole state, on the CPU; None where the run starts at step 0.

    Raises ResumeError where the state was made from other settings or other data: going on would mix two runs.
    """
    for candidate in _newest_first(folder):
        if is_whole(candidate):
            # weights_only: tensors and plain values alone are read, code in a pickle never runs.
            state: dict[str, Any] = torch.load(candidate / _STATE, map_location="cpu", weights_only=True)
            check_identity(state["identity"], identity, folder)
            return state
    return None


def check_identity(earlier: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    """Raises ResumeError naming the settings in which an earlier state differs from this run."""
    changes = [
        f"{key} was {earlier.get(key)!r}, is {now.get(key)!r}"
        for key in sorted({*earlier, *now})
        if earlier.get(key) != now.get(key)
    ]
    if changes:
        raise ResumeError(
            f"{folder} belongs to a run with other settings or data ({'; '.join(changes)}); "
            "start it in a new folder, or undo the change to resume"
        )


def _newest_first(folder: Path) -> list[Path]:
    states = [path for path in folder.glob("step-*") if path.name.removeprefix("step-").isdigit()]
    return sorted(states, key=lambda path: int(path.name.removeprefix("step-")), reverse=True)
