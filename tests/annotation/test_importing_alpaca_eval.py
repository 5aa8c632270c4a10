"""AlpacaEval's continuous preference becomes a side, a rating and a margin."""

from typing import Any

import pytest

from annotation.importing.alpaca_eval import read
from annotation.importing.rows import IDENTICAL_ANSWERS, LeftOut, Pair, RowError


def row(**fields: Any) -> dict[str, Any]:
    return {
        "prompt_id": "q-7",
        "dataset": "cooking",
        "instruction": "How long does rye bread keep?",
        "generator_1": "alder-7b",
        "output_1": "A week.",
        "generator_2": "birch",
        "output_2": "For ever.",
        "preference": 1.0,
    } | fields


@pytest.mark.parametrize(
    ("preference", "choice", "rating", "points"),
    [
        (1, "a", "significantly", 1),
        (1.125, "a", "better", 2),
        (1.25, "a", "better", 2),
        (1.375, "a", "slightly", 3),
        (1.4375, "a", "negligibly", 4),
        (1.5, "tie", None, None),
        (1.5625, "b", "negligibly", 5),
        (1.625, "b", "slightly", 6),
        (1.75, "b", "better", 7),
        (2, "b", "significantly", 8),
    ],
)
def test_the_distance_from_one_and_a_half_gives_the_rating(
    preference: float, choice: str, rating: str | None, points: int | None
) -> None:
    pair = read(row(preference=preference))
    assert isinstance(pair, Pair)
    verdict = pair.verdicts[0]
    assert (verdict.choice, verdict.rating, verdict.points(8)) == (choice, rating, points)
    assert verdict.margin == abs(preference - 1.5)


def test_it_keeps_where_the_pair_comes_from_and_names_no_person() -> None:
    pair = read(row())
    assert isinstance(pair, Pair)
    assert (pair.prompt_id, pair.category, pair.external_id) == ("q-7", "cooking", "q-7/alder-7b/birch")
    assert (pair.a.model, pair.b.model) == ("alder-7b", "birch")
    assert pair.verdicts[0].annotator is None


def test_the_same_output_twice_is_left_out() -> None:
    assert read(row(output_2="A week.", preference=1.5)) == LeftOut(IDENTICAL_ANSWERS)


@pytest.mark.parametrize("preference", [0.99, 2.01, None, "1.2", True, float("nan")])
def test_a_preference_out_of_its_range_is_broken(preference: object) -> None:
    with pytest.raises(RowError, match="preference must be a number"):
        read(row(preference=preference))
