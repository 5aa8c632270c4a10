"""Battles from a file: AlpacaEval's annotations and an arena's votes, as JSON lines, a JSON list or CSV."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation.importing.reading import FileError
from evaluation.battle_files import BattleFile, read_battles

ALPACA = {"prompt_id": "p1", "generator_1": "base", "generator_2": "model", "output_1": "four", "output_2": "sixsix"}
ARENA = {"question_id": "q1", "model_a": "x", "model_b": "y"}


def read(folder: Path, rows: list[Any], name: str = "battles.jsonl") -> BattleFile:
    path = folder / name
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return read_battles(str(path))


def test_alpaca_evals_preferences_are_points_of_the_model(tmp_path: Path) -> None:
    found = read(tmp_path, [ALPACA | {"preference": said} for said in (1, 2, 1.5, 1.25, 0, None)])
    assert found.format == "AlpacaEval"
    assert (found.first[0], found.second[0]) == ("model", "base")
    assert found.points[:5].tolist() == [0, 1, 0.5, 0.25, 0.5]
    assert np.isnan(found.points[5])
    assert found.strengths[:4].tolist() == [-1, 1, 0, -1]
    assert found.continuous
    assert found.gaps.tolist() == [2] * 6
    assert set(found.prompts) == {"p1"}


def test_alpaca_evals_own_json_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps([ALPACA | {"preference": 2}]), encoding="utf-8")
    assert read_battles(str(path)).points.tolist() == [1]


def test_an_arenas_winners_and_arena_hards_verdicts(tmp_path: Path) -> None:
    winners = ["model_a", "model_b", "tie", "tie (bothbad)", "A>>B", "B>>A", "A=B"]
    found = read(tmp_path, [ARENA | {"winner": winner} for winner in winners])
    assert (found.format, found.first[0], found.second[0]) == ("arena", "x", "y")
    assert found.strengths.tolist() == [1, -1, 0, 0, 2, -2, 0]
    assert found.points.tolist() == [1, 0, 0.5, 0.5, 1, 0, 0.5]
    assert not found.continuous
    assert np.isnan(found.gaps).all()


def test_csv_and_gzip_say_the_same(tmp_path: Path) -> None:
    text = "question_id,model_a,model_b,winner,language\nq1,x,y,model_b,en\nq2,y,z,tie,de\n"
    plain, packed = tmp_path / "battles.csv", tmp_path / "battles.csv.gz"
    plain.write_text(text, encoding="utf-8")
    packed.write_bytes(gzip.compress(text.encode()))
    for path in (plain, packed):
        found = read_battles(str(path))
        assert (found.points.tolist(), found.prompts.tolist()) == ([0, 0.5], ["q1", "q2"])


def test_battles_without_a_prompt_are_each_their_own(tmp_path: Path) -> None:
    found = read(tmp_path, [{"model_a": "x", "model_b": "y", "winner": "tie"}] * 2)
    assert not found.prompts_named
    assert len(set(found.prompts)) == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ARENA | {"winner": "x"}, r'line 2: winner must be one of model_a, model_b, tie, .*, got "x"'),
        (ARENA, "line 2: field winner is missing"),
        (ARENA | {"model_b": "x", "winner": "tie"}, "line 2: model_a and model_b are both"),
        ("{not json", "line 2: not valid JSON"),
        ("[1]", r"line 2: expected a JSON object \{\.\.\.\}, got \[1\]"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read(tmp_path, [ARENA | {"winner": "tie"}, row])


@pytest.mark.parametrize("said", [0.5, 2.5, "better", True])
def test_a_preference_beyond_the_scale_is_named(tmp_path: Path, said: Any) -> None:
    with pytest.raises(FileError, match="line 1: preference must be"):
        read(tmp_path, [ALPACA | {"preference": said}])


def test_all_wrong_rows_are_counted_and_nothing_is_computed(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"25 rows can't be read, so nothing was computed:(?s:.*)\.\.\. and 5 more"):
        read(tmp_path, [ARENA | {"winner": "nobody"}] * 25)


def test_a_file_of_something_else_says_which_fields_were_expected(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"expected the fields generator_1.* or model_a.*, got prompt, chosen"):
        read(tmp_path, [{"prompt": "p", "chosen": "a"}])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"PAR1\x00\x00", "Parquet is not read here: write the table as JSON lines first"),
        (b"[{]", "not a valid JSON list"),
        (b"[7]", "line 1: expected a JSON object, got 7"),
        (gzip.compress(b"{}" * 100, mtime=0)[:-9], "the gzip file is damaged"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "battles"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_battles(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nowhere\.jsonl can't be read \(No such file"):
        read_battles(str(tmp_path / "nowhere.jsonl"))
