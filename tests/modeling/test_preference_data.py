import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modeling.checkpoints import RewardModel
from modeling.json_lines import DataError
from modeling.preference_data import check_separate, encode_pair, read_pairs
from tests.modeling.conftest import preference


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def lines(*rows: Any) -> Path:
        path = tmp_path / "train.jsonl"
        path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
        return path

    return lines


def test_a_row_of_trl_is_enough(write: Callable[..., Path]) -> None:
    row = preference(0, "dig", "stop")
    del row["id"]
    [pair] = read_pairs(write(row))
    assert (pair.rating, pair.margin, pair.chosen_safe, pair.rejected_safe, pair.batch) == (None,) * 5
    assert pair.chosen == [{"role": "assistant", "content": "dig"}]


def test_the_margin_is_the_ratings_or_else_the_rows_own(write: Callable[..., Path]) -> None:
    rated, own, neither = read_pairs(
        write(
            preference(0, "a", "b", rating="better", margin=0.5),
            preference(1, "a", "b", margin=0.5),
            preference(2, "a", "b", margin=None, rating=None),
        )
    )
    assert [pair.margin_by("small") for pair in (rated, own, neither)] == [2 / 3, 0.5, 0]
    assert [pair.margin_by("large") for pair in (rated, own, neither)] == [2, 0.5, 0]
    assert [pair.margin_by("none") for pair in (rated, own, neither)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": None}, "line 2: chosen: messages must be a list of {role, content}, got NoneType"),
        ({"rating": "much"}, "line 2: rating must be one of significantly, better, slightly, negligibly or null"),
        ({"margin": "big"}, "line 2: margin must be a number or null, got 'big'"),
        ({"margin": True}, "line 2: margin must be a number or null, got True"),
        ({"margin": float("nan")}, "line 2: margin must be a number or null, got nan"),
        ({"margin": 10**400}, "line 2: margin must be a number or null, got 10000"),
        ({"chosen_safe": "yes"}, "line 2: chosen_safe must be true, false or null, got 'yes'"),
        ({"prompt": [{"role": "human", "content": "a"}]}, "line 2: prompt: message 1: role must be one of"),
        ({"rejected": []}, "line 2: prompt and rejected must end with the assistant's answer"),
        ({"prompt": []}, "line 2: prompt and chosen: a dialogue must open with a user's message"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_its_line(
    write: Callable[..., Path], change: dict[str, Any], message: str
) -> None:
    path = write(preference(0, "a", "b"), preference(1, "a", "b") | change)
    with pytest.raises(DataError, match=message):
        read_pairs(path)


@pytest.mark.parametrize("field", ["prompt", "chosen", "rejected"])
def test_a_missing_field_is_named_with_its_line(write: Callable[..., Path], field: str) -> None:
    row = preference(1, "a", "b")
    del row[field]
    with pytest.raises(DataError, match=rf"train\.jsonl, line 3: field {field} is missing"):
        read_pairs(write(preference(0, "a", "b"), "", row))


def test_what_is_not_json_is_named_with_its_line(write: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"line 1: not valid JSON"):
        read_pairs(write("{"))
    with pytest.raises(DataError, match="line 1: expected an object with prompt, chosen and rejected, got list"):
        read_pairs(write("[]"))


def test_data_without_pairs_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write()
    with pytest.raises(DataError, match="holds no preference pairs"):
        read_pairs(path)
    assert read_pairs(path, may_be_empty=True) == []
    with pytest.raises(DataError, match="cannot read"):
        read_pairs(tmp_path / "nowhere.jsonl")


def test_a_prompt_in_training_and_test_is_refused(write: Callable[..., Path]) -> None:
    pairs = read_pairs(write(preference(0, "a", "b"), preference(0, "c", "d"), preference(1, "a", "b")))
    check_separate(pairs[:2], pairs[2:])
    with pytest.raises(DataError, match="the prompt of test pair pair-0 is also that of training pair pair-0"):
        check_separate(pairs[:1], pairs[1:])


def test_irregular_dialogues_are_encoded_as_merged_turns(write: Callable[..., Path], reward_model: RewardModel) -> None:
    turns = [{"role": "user", "content": "the sky"}, {"role": "assistant", "content": "is"}]
    irregular = preference(0, "blue", "", prompt=turns)
    regular = preference(0, "is\n\nblue", "is", prompt=turns[:1])
    rows = [encode_pair(reward_model.tokenizer, pair, 100) for pair in read_pairs(write(irregular, regular))]
    assert rows[0] == rows[1]


def test_answers_of_several_turns_are_read_at_their_last(write: Callable[..., Path], reward_model: RewardModel) -> None:
    longer = [
        {"role": "assistant", "content": "blue"},
        {"role": "user", "content": "why"},
        {"role": "assistant", "content": "the sun"},
    ]
    [pair] = read_pairs(write(preference(0, "is", "is") | {"chosen": longer}))
    row = encode_pair(reward_model.tokenizer, pair, 100)
    text = reward_model.tokenizer.decode(row.prefix + row.tails[0])
    assert text.endswith("blue </s><s>[INST] why [/INST] the sun </s>")
