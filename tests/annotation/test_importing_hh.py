"""Anthropic's HH, split into fields and in its original form, with its irregular rows."""

import json

import pytest

from annotation.importing.hh import NO_ANSWER, NO_OPENING, PARTED_EARLIER, read
from annotation.importing.rows import EMPTY_ANSWER, IDENTICAL_ANSWERS, MERGED, LeftOut, Pair, RowError
from tests.annotation.files import FIXTURES


def outcomes(name: str) -> list[Pair | LeftOut]:
    return [read(json.loads(line)) for line in (FIXTURES / name).read_text().splitlines()]


@pytest.mark.parametrize("name", ["hh.jsonl", "hh_original.jsonl"])
def test_irregular_rows_are_found_by_looking_at_them(name: str) -> None:
    plain, turns, empty, merged, parted = outcomes(name)[:5]
    assert isinstance(plain, Pair)
    assert plain.messages == [{"role": "user", "content": "How do I sharpen a kitchen knife?"}]
    assert plain.a.text == "Hold the blade at twenty degrees to a wet stone."
    assert plain.b.text == "Ask somebody else."
    assert plain.notes == ()
    assert isinstance(turns, Pair)
    assert [message["role"] for message in turns.messages] == ["user", "assistant", "user"]
    assert empty == LeftOut(EMPTY_ANSWER)
    assert isinstance(merged, Pair)
    assert [message["content"] for message in merged.messages] == [
        "Is the shop open?",
        "I think so.\n\nUntil six.",
        "Thanks.",
    ]
    assert merged.notes == (MERGED,)
    assert parted == LeftOut(PARTED_EARLIER)


def test_dialogues_without_a_prompt_an_answer_or_a_difference_are_left_out() -> None:
    assert outcomes("hh_original.jsonl")[5:] == [LeftOut(IDENTICAL_ANSWERS), LeftOut(NO_OPENING), LeftOut(NO_ANSWER)]


def test_a_flag_counts_where_the_row_has_lost_its_tails() -> None:
    row = {"messages": [{"role": "user", "content": "Hm?"}], "chosen": "a", "rejected": "b"}
    assert isinstance(read(row), Pair)
    assert read(row | {"flags": ["tails_differ_in_length"]}) == LeftOut(PARTED_EARLIER)


def test_it_invents_no_strength() -> None:
    pair = outcomes("hh.jsonl")[0]
    assert isinstance(pair, Pair)
    assert (pair.verdicts[0].rating, pair.verdicts[0].margin, pair.verdicts[0].points(8)) == (None, None, None)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"chosen": "Just a text.", "rejected": "\n\nHuman: a\n\nAssistant: b"}, "chosen must begin with 'Human:'"),
        ({"chosen": "\n\nHuman: a\n\nAssistant: b"}, "field rejected is missing"),
        ({"messages": "hi", "chosen": "a", "rejected": "b"}, "messages must be a list of messages"),
        ({"messages": [{"role": "user", "content": "a"}], "chosen": 1, "rejected": "b"}, "chosen must be text, got 1"),
        (
            {"messages": [{"role": "user", "content": "a"}], "chosen": "a", "rejected": "b", "flags": "x"},
            'flags must be a list, got "x"',
        ),
    ],
)
def test_a_broken_row_says_what_is_wrong(row: dict[str, object], reason: str) -> None:
    with pytest.raises(RowError) as error:
        read(row)
    assert reason in str(error.value)
