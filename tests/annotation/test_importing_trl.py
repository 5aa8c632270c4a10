"""TRL's preference format in its spellings."""

import pytest

from annotation.importing.rows import LeftOut, Pair, Row, RowError
from annotation.importing.trl import read
from tests.annotation.files import imported, jsonl, trl_row

USER = {"role": "user", "content": "Where do swifts sleep?"}
FIRST = {"role": "assistant", "content": "In the air."}
SECOND = {"role": "assistant", "content": "In nests, always."}


def pair_of(row: Row) -> Pair:
    pair = read(row)
    assert isinstance(pair, Pair)
    return pair


@pytest.mark.parametrize(
    "row",
    [
        trl_row(),
        {"prompt": [USER], "chosen": [FIRST], "rejected": [SECOND]},
        {"chosen": [USER, FIRST], "rejected": [USER, SECOND]},
        {"prompt": USER["content"], "chosen": [USER, FIRST], "rejected": [USER, SECOND]},
    ],
    ids=["text", "messages", "implicit prompt", "prompt repeated in the answers"],
)
def test_every_spelling_says_the_same_pair(row: Row) -> None:
    pair = pair_of(row)
    assert pair.messages == [USER]
    assert (pair.a.text, pair.b.text) == ("In the air.", "In nests, always.")
    assert pair.verdicts[0].choice == "a"
    assert pair.digest == pair_of(trl_row()).digest


@pytest.mark.parametrize(
    ("margin", "rating"),
    [
        (3, "significantly"),
        (2.5, "significantly"),
        (2.49, "better"),
        (1.5, "better"),
        (1.49, "slightly"),
        (0.5, "slightly"),
        (0.49, "negligibly"),
        (0, "negligibly"),
        (None, None),
    ],
)
def test_the_margin_gives_the_rating_by_cut_points(margin: float | None, rating: str | None) -> None:
    verdict = pair_of(trl_row(margin=margin)).verdicts[0]
    assert (verdict.margin, verdict.rating) == (margin, rating)


@pytest.mark.parametrize(
    ("rating", "choice", "points"),
    [
        ("significantly", "a", 1),
        ("negligibly", "a", 4),
        ("negligibly", "b", 5),
        ("slightly", "b", 6),
        ("significantly", "b", 8),
    ],
)
def test_a_rating_becomes_points_of_the_eight_point_scale(rating: str, choice: str, points: int) -> None:
    pair = pair_of(trl_row(rating=rating, margin=0))
    verdict = (pair if choice == "a" else pair.flipped()).verdicts[0]
    assert verdict.choice == choice
    assert verdict.points(8) == points


def test_safety_labels_follow_their_answer_to_the_other_side() -> None:
    verdict = pair_of(trl_row(chosen_safe=True, rejected_safe=False)).flipped().verdicts[0]
    assert (verdict.a_safe, verdict.b_safe) == (False, True)


def test_neighbouring_messages_of_one_role_are_merged_and_noted() -> None:
    pair = pair_of(trl_row(prompt=[{"role": "user", "content": "Hello."}, USER]))
    assert pair.messages == [{"role": "user", "content": "Hello.\n\nWhere do swifts sleep?"}]
    assert len(pair.notes) == 1


@pytest.mark.parametrize("answers", [{"chosen": " "}, {"rejected": ""}, {"rejected": "In the air."}])
def test_nothing_to_choose_between_is_left_out(answers: dict[str, str]) -> None:
    assert isinstance(read(trl_row(**answers)), LeftOut)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "a", "chosen": "b"}, "field rejected is missing"),
        (trl_row(chosen=3), "chosen must be a list of messages {role, content}, got 3"),
        (trl_row(chosen=[]), "chosen must be a list of messages {role, content}, got []"),
        (trl_row(chosen=["hm"]), 'chosen, message 1 must be an object with role and content, got "hm"'),
        (trl_row(chosen=[USER | {"role": "bot"}]), "chosen, message 1: role must be one of system, user, assistant"),
        (trl_row(chosen=[FIRST, SECOND]), "chosen must be one assistant's message after the prompt, got assistant, "),
        (trl_row(prompt=[FIRST]), "prompt must open with a user's message, got the assistant's"),
        (trl_row(prompt=[USER, FIRST]), "prompt must end with a user's message, got the assistant's"),
        (trl_row(prompt=[USER, {"role": "system", "content": ""}]), "a system message must come first"),
        (trl_row(prompt=[]), "prompt must be a list of messages"),
        (trl_row(prompt=[{"role": "system", "content": "Be kind."}]), "prompt must hold a user's message, got none"),
        (trl_row(margin="big"), 'margin must be a number or null, got "big"'),
        (trl_row(margin=float("nan")), "margin must be a number or null, got NaN"),
        (trl_row(margin=10**400), "margin must be a number or null, got 1000000"),
        (trl_row(margin=True), "margin must be a number or null, got true"),
        (trl_row(rating="best"), "rating must be one of significantly, better, slightly, negligibly or null"),
        (trl_row(rating=["best"]), "rating must be one of"),
        (trl_row(chosen_safe="yes"), 'chosen_safe must be true, false or null, got "yes"'),
        (trl_row(batch="b" * 81), "batch must have at most 80 characters, got 81"),
        (trl_row(id=1.5), "id must be text, got 1.5"),
        (trl_row(chosen="nul \0"), "chosen holds a NUL character at position 5"),
        (trl_row(chosen="half \ud83d"), "chosen holds half a surrogate pair at position 6"),
        ({"chosen": "Human: a", "rejected": "Human: b"}, "are --format hh"),
        ({"chosen": [USER, FIRST], "rejected": [SECOND]}, "must be the same dialogue up to their last message"),
        ({"chosen": [USER], "rejected": [USER]}, "must end with an assistant's message, got user and user"),
    ],
)
def test_a_broken_row_says_what_is_wrong(row: Row, reason: str) -> None:
    with pytest.raises(RowError) as error:
        read(row)
    assert reason in str(error.value)


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(RowError, match="margin must be 0 or more, got -1"):
        read(trl_row(margin=-1))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("margins", "rating", "is_said"),
    [((0.33, 1), None, True), ((0.33, 3), None, False), ((0, 0), None, False), ((0.33, 1), "better", False)],
    ids=["at most 1", "up to 3", "nothing but 0", "rated by the file"],
)
def test_margins_that_may_be_of_the_small_scale_are_pointed_out(
    margins: tuple[float, float], rating: str | None, is_said: bool
) -> None:
    rows = [trl_row(prompt=f"Where? {margin}{at}", margin=margin, rating=rating) for at, margin in enumerate(margins)]
    assert ("strengths may be understated" in " ".join(imported(jsonl(*rows)).lines())) == is_said
