"""What memory a run needs at least is told before it starts, with its numbers."""

from pathlib import Path

import pytest

from modeling.memory import least_bytes, memory_warning
from modeling.training_config import TrainingConfig

SEVEN_BILLION = 7_000_000_000


def config(base: Path = Path("base"), *, lora_rank: int = 0, sharded: bool = False) -> TrainingConfig:
    return TrainingConfig(
        run_dir=Path("run"), base=base, batch_size=1, learning_rate=1e-5, lora_rank=lora_rank, sharded=sharded
    )


def test_seven_billion_weights_take_112_gigabytes_unless_they_are_shared_or_frozen() -> None:
    assert least_bytes(SEVEN_BILLION, config()) == 112 * 10**9
    assert least_bytes(SEVEN_BILLION, config(), processes=8) == 112 * 10**9
    assert least_bytes(SEVEN_BILLION, config(sharded=True), processes=8) == 14 * 10**9
    assert least_bytes(SEVEN_BILLION, config(lora_rank=16)) == 28 * 10**9


def test_a_run_that_cannot_fit_is_told_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modeling.memory.parameter_count", lambda base: SEVEN_BILLION)

    warning = memory_warning(config(), available=80 * 10**9)

    assert warning is not None
    assert "takes at least 112 GB" in warning
    assert "80 GB are there" in warning
    assert "lora_rank" in warning
    assert memory_warning(config(), available=141 * 10**9) is None


def test_a_base_that_cannot_be_read_is_left_to_the_run_to_tell(tmp_path: Path) -> None:
    assert memory_warning(config(tmp_path / "nowhere"), available=0) is None
