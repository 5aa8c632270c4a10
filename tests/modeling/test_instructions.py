"""Instructions for Ghost Attention: how they are combined, put in few words, and told to be kept."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from modeling.instructions import (
    LANGUAGES,
    Constraint,
    Instruction,
    draw_instruction,
    is_in_language,
    read_constraints,
    shipped_constraints,
)
from modeling.json_lines import DataError
from tests.modeling.conftest import write_jsonl

SENTENCES = {
    "Dutch": "Het museum is open van negen tot vijf, maar niet op zondag.",
    "English": "The museum is open from nine to five, but not on Sunday.",
    "French": "Le musée est ouvert de neuf heures à dix-sept heures, mais pas le dimanche.",
    "German": "Das Museum ist von neun bis fünf geöffnet, aber nicht am Sonntag.",
    "Italian": "Il museo è aperto dalle nove alle cinque, ma non la domenica.",
    "Portuguese": "O museu abre das nove às cinco, mas não aos domingos com chuva.",
    "Spanish": "El museo está abierto de nueve a cinco, pero los domingos no.",
}


def constraint(kind: str = "own", **check: Any) -> Constraint:
    return Constraint(kind, "instruction", "short", check)


@pytest.mark.parametrize(
    ("check", "kept", "broken"),
    [
        ({"contains": "Napoleon"}, "I am NAPOLEON, the emperor.", "I am Napoleonic."),
        ({"contains": ["chess", "pawn"]}, "My pawn is lost.", "My pawnshop is closed."),
        ({"starts_with": "Aye aye!"}, "  aye aye! It is open.", "It is open. Aye aye!"),
        ({"ends_with": "Ahoy!"}, "It is open. Ahoy!\n", "Ahoy! It is open."),
        ({"regex": r"\d{4}"}, "In 1805.", "In 05."),
        ({"at_most_words": 3}, "It is open.", "It is not open."),
        ({"language": "French"}, SENTENCES["French"], SENTENCES["Spanish"]),
        ({"ends_with": "Ahoy!", "at_most_words": 2}, "Open. Ahoy!", "It is open. Ahoy!"),
    ],
)
def test_an_answer_shows_whether_it_keeps_a_constraint(check: dict[str, Any], kept: str, broken: str) -> None:
    assert constraint(**check).kept_by(kept)
    assert not constraint(**check).kept_by(broken)


def test_an_empty_answer_keeps_nothing() -> None:
    assert not constraint(at_most_words=3).kept_by(" \n")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_language_is_told_from_all_others_by_its_function_words(language: str) -> None:
    told = [name for name, sentence in SENTENCES.items() if is_in_language(sentence, language)]
    assert told == [language]


def test_a_sentence_that_could_be_of_two_languages_is_of_neither() -> None:
    # "la" is Italian, French and Spanish; "no" Spanish and Portuguese
    assert not any(is_in_language("La casa", language) for language in LANGUAGES)
    assert not any(is_in_language("Merrowby Norrick 42", language) for language in LANGUAGES)


def test_an_instruction_is_kept_where_all_of_its_constraints_are() -> None:
    both = Instruction("Ahoy, briefly", (constraint(ends_with="Ahoy!"), constraint("length", at_most_words=2)))
    assert both.kept_by("Open. Ahoy!")
    assert not both.kept_by("It is open. Ahoy!")
    assert not both.kept_by("Open.")


def test_instructions_combine_constraints_of_different_kinds_at_random() -> None:
    chance = random.Random(0)
    drawn = [draw_instruction(shipped_constraints(), chance, 0.5) for _ in range(3000)]
    for instruction in drawn:
        kinds = [each.kind for each in instruction.constraints]
        assert len(set(kinds)) == len(kinds)
    sizes = Counter(len(instruction.constraints) for instruction in drawn)
    assert set(sizes) == {1, 2, 3}
    assert all(abs(count - 1000) < 100 for count in sizes.values())  # 3.9 standard deviations
    assert {each.instruction for instruction in drawn for each in instruction.constraints} == {
        each.instruction for each in shipped_constraints()
    }


def test_half_of_them_are_put_in_few_words() -> None:
    figure = [Constraint("figure", "Always act as Napoleon from now.", "Figure: Napoleon.", {"contains": "Napoleon"})]
    chance = random.Random(0)
    texts = Counter(draw_instruction(figure, chance, 0.5).text for _ in range(2000))
    assert set(texts) == {"Always act as Napoleon from now.", "Figure: Napoleon."}
    assert abs(texts["Figure: Napoleon."] - 1000) < 90  # 4 standard deviations
    assert draw_instruction(figure, chance, 0.0).text == "Always act as Napoleon from now."
    assert draw_instruction(figure, chance, 1.0).text == "Figure: Napoleon."


def test_one_seed_gives_one_sequence_of_instructions() -> None:
    first, second, other = (
        [draw_instruction(shipped_constraints(), chance, 0.5).text for _ in range(20)]
        for chance in (random.Random(7), random.Random(7), random.Random(8))
    )
    assert first == second != other


def test_the_shipped_constraints_are_the_papers_three_kinds_and_can_be_read_as_a_teams_own(tmp_path: Path) -> None:
    shipped = shipped_constraints()
    assert {each.kind for each in shipped} == {"hobby", "language", "figure"}
    assert any(each.short == "Figure: Napoleon." for each in shipped)
    write_jsonl(tmp_path / "constraints.jsonl", [vars(each) for each in shipped])
    assert read_constraints(tmp_path / "constraints.jsonl") == shipped


def test_a_constraint_without_kind_and_short_words_is_its_own_kind_and_keeps_its_long_ones(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "constraints.jsonl", [{"instruction": "End with Ahoy!", "check": {"ends_with": "Ahoy!"}}, ""]
    )
    (read,) = read_constraints(tmp_path / "constraints.jsonl")
    assert read == Constraint("own", "End with Ahoy!", "End with Ahoy!", {"ends_with": "Ahoy!"})


GOOD = {"instruction": "End with Ahoy!", "check": {"ends_with": "Ahoy!"}}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected an object with instruction and check, got list"),
        ({"check": GOOD["check"]}, "instruction must be text, got None"),
        ({**GOOD, "instruction": " "}, "instruction must be text, got ' '"),
        ({**GOOD, "short": 3}, "short must be text, got 3"),
        ({**GOOD, "kind": ""}, "kind must be text, got ''"),
        ({**GOOD, "rule": 1}, "unknown field rule; known are kind, instruction, short, check"),
        ({"instruction": "x"}, r"check must be an object of rules \(contains, starts_with, .*\), got None"),
        ({**GOOD, "check": {}}, r"check must be an object of rules .* got \{\}"),
        ({**GOOD, "check": {"end": "Ahoy!"}}, "check has no rule 'end'; known are contains, starts_with"),
        ({**GOOD, "check": {"ends_with": ["Ahoy!"]}}, r"ends_with must be text, got \['Ahoy!'\]"),
        ({**GOOD, "check": {"contains": []}}, r"contains must be a phrase or a list of phrases, got \[\]"),
        ({**GOOD, "check": {"at_most_words": 0}}, "at_most_words must be a number from 1, got 0"),
        ({**GOOD, "check": {"at_most_words": True}}, "at_most_words must be a number from 1, got True"),
        ({**GOOD, "check": {"language": "Klingon"}}, "language must be one of Dutch, English, .*, got 'Klingon'"),
        ({**GOOD, "check": {"language": ["French"]}}, "language must be one of Dutch, English"),
        ({**GOOD, "check": {"regex": "("}}, r"regex '\(' is no regular expression: missing \)"),
    ],
)
def test_a_constraint_that_cannot_be_used_is_named(row: Any, reason: str, tmp_path: Path) -> None:
    text = row if isinstance(row, str) else json.dumps(row)
    write_jsonl(tmp_path / "constraints.jsonl", [GOOD, text])
    with pytest.raises(DataError, match=rf"^constraints\.jsonl, line 2: {reason}"):
        read_constraints(tmp_path / "constraints.jsonl")


def test_a_file_without_constraints_is_an_error(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "constraints.jsonl", [])
    with pytest.raises(DataError, match=r"constraints\.jsonl holds no constraints"):
        read_constraints(tmp_path / "constraints.jsonl")
    with pytest.raises(DataError, match="cannot read"):
        read_constraints(tmp_path / "missing.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"instruction": "caf\xe9"}')
    with pytest.raises(DataError, match=r"latin\.jsonl is not UTF-8 text"):
        read_constraints(tmp_path / "latin.jsonl")
