"""The stages of a run keep their rows, chunk by chunk, over interruptions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modeling.distributed import Ranks
from modeling.recipe import Progress, Stopped
from modeling.resuming import ResumeError
from modeling.sft_config import SFTConfig
from modeling.stages import Stages
from tests.modeling.conftest import write_jsonl


def begin(run: Path, report: Callable[[Progress], None] = lambda progress: None, **identity: Any) -> Stages:
    run.mkdir(exist_ok=True)
    return Stages(SFTConfig(run_dir=run, base=run), identity, 4, report, lambda: False, Ranks())


def doubled(made: list[list[int]]) -> Callable[[], Callable[[list[int]], list[dict[str, Any]]]]:
    """Makes the double of each number; notes in ``made`` which chunks it was given."""

    def prepare() -> Callable[[list[int]], list[dict[str, Any]]]:
        made.append([])

        def make(numbers: list[int]) -> list[dict[str, Any]]:
            made[-1] += numbers
            return [{"double": 2 * number} for number in numbers]

        return make

    return prepare


DOUBLES = [{"double": 2 * number} for number in range(7)]


def test_rows_are_made_in_chunks_and_kept(tmp_path: Path) -> None:
    seen: list[Progress] = []
    made: list[list[int]] = []
    rows = begin(tmp_path, seen.append).rows("doubles", range(7), doubled(made), 3, "numbers")
    assert rows == DOUBLES == [json.loads(line) for line in (tmp_path / "doubles.jsonl").read_text().splitlines()]
    assert made == [[0, 1, 2, 3, 4, 5, 6]]
    assert [(progress.step, progress.steps) for progress in seen] == [(1, 4), (2, 4), (3, 4)]
    assert all(progress.figures["numbers_per_second"] > 0 for progress in seen)


def test_a_stage_that_is_done_loads_nothing(tmp_path: Path) -> None:
    first = begin(tmp_path)
    first.rows("doubles", range(7), doubled([]), 3, "numbers")
    made: list[list[int]] = []
    again = begin(tmp_path)
    assert again.rows("doubles", range(7), doubled(made), 3, "numbers") == DOUBLES
    assert made == []
    assert (again.step, again.seconds) == (3, first.seconds)


@pytest.mark.parametrize(
    ("left", "made_again"),
    [
        (['{"double": 0}', '{"double": 2}', '{"double": 4}', '{"double": 6}'], [3, 4, 5, 6]),
        (['{"double": 0}', '{"double": 2}'], [0, 1, 2, 3, 4, 5, 6]),
        ([json.dumps(row) for row in DOUBLES[:6]] + ['{"dou'], [6]),
        ([json.dumps(row) for row in DOUBLES[:3]] + ["\x00\x00", '{"double": 8}', '{"double": 10}'], [3, 4, 5, 6]),
    ],
    ids=["within its second chunk", "within its first chunk", "within a line", "where a block of the file was lost"],
)
def test_a_chunk_that_was_torn_is_made_again(left: list[str], made_again: list[int], tmp_path: Path) -> None:
    write_jsonl(tmp_path / "doubles.jsonl", left)
    made: list[list[int]] = []
    assert begin(tmp_path).rows("doubles", range(7), doubled(made), 3, "numbers") == DOUBLES
    assert made == [made_again]
    assert (tmp_path / "doubles.jsonl").read_text() == "".join(f"{json.dumps(row)}\n" for row in DOUBLES)


def test_a_last_line_without_its_end_is_torn_even_where_it_reads_as_json(tmp_path: Path) -> None:
    (tmp_path / "numbers.jsonl").write_text('{"double": 0}\n{"double": 2}\n{"double": 4}\n6', encoding="utf-8")
    assert begin(tmp_path).rows("numbers", range(7), doubled([]), 3, "numbers") == DOUBLES


def test_what_was_logged_for_a_chunk_that_is_made_again_is_logged_once(tmp_path: Path) -> None:
    begin(tmp_path).rows("doubles", range(7), doubled([]), 3, "numbers")
    write_jsonl(tmp_path / "doubles.jsonl", [json.dumps(row) for row in DOUBLES[:4]])
    begin(tmp_path).rows("doubles", range(7), doubled([]), 3, "numbers")
    logged = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged] == [1, 2, 3]
    seconds = [line["seconds"] for line in logged]
    assert seconds == sorted(seconds)


def test_a_run_that_is_asked_to_stop_does_so_between_chunks(tmp_path: Path) -> None:
    asked = iter([False, True])
    stages = Stages(
        SFTConfig(run_dir=tmp_path, base=tmp_path), {}, 4, lambda progress: None, lambda: next(asked), Ranks()
    )
    with pytest.raises(Stopped):
        stages.rows("doubles", range(7), doubled([]), 3, "numbers")
    assert len((tmp_path / "doubles.jsonl").read_text().splitlines()) == 3


def test_a_full_disk_keeps_the_chunks_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, lines: list[str]) -> None:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(lines[0][:5])
        raise OSError(28, "No space left on device")

    stages = begin(tmp_path)
    stages.rows("first", range(3), doubled([]), 3, "numbers")
    with monkeypatch.context() as patched:
        patched.setattr("modeling.stages._append", full)
        with pytest.raises(OSError, match="No space left"):
            stages.rows("doubles", range(7), doubled([]), 3, "numbers")
    made: list[list[int]] = []
    again = begin(tmp_path)
    again.rows("first", range(3), doubled(made), 3, "numbers")
    assert again.rows("doubles", range(7), doubled(made), 3, "numbers") == DOUBLES
    assert made == [[0, 1, 2, 3, 4, 5, 6]]


def test_the_rows_of_another_run_are_refused(tmp_path: Path) -> None:
    begin(tmp_path, seed=1)
    begin(tmp_path, seed=1)
    with pytest.raises(ResumeError, match="seed was 1, is 2"):
        begin(tmp_path, seed=2)
