"""Arguments that cannot be meant are errors that name the value and what was expected."""

from typing import Any

import pytest

from evaluation.statistics.agreement import conger, gwet
from evaluation.statistics.patterns import Contingency, Patterns

RATINGS = [[1, 1], [2, 3], [3, 3]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "cubic"}, r"weights must be a matrix or one of identity, .*, got 'cubic'"),
        ({"weights": [[1, 0], [0, 1]]}, r"weights for 3 categories must be a 3 x 3 matrix, got shape \(2, 2\)"),
        ({"weights": [[1, 2, 0], [2, 1, 0], [0, 0, 1]]}, "weights must be between 0 and 1"),
        ({"weights": [[0.5, 0, 0], [0, 1, 0], [0, 0, 1]]}, "a category with itself must be 1"),
        ({"weights": [[1, float("nan"), 0], [0, 1, 0], [0, 0, 1]]}, "weights must be between 0 and 1"),
        ({"categories": [1, 2]}, r"rating 3.0 is not among the categories \(1.0, 2.0\)"),
        ({"categories": [1, 2, 2]}, "must differ"),
        ({"categories": [3, 2, 1]}, "increasing"),
        ({"categories": ["a", "b"]}, "both be numbers or both be words"),
        ({"population": 2}, "population must be at least the 3 items rated, got 2"),
        ({"confidence": 95}, "confidence must be between 0 and 1, for example 0.95, got 95"),
    ],
)
def test_it_names_the_argument_and_its_value(arguments: dict[str, Any], message: str) -> None:
    for coefficient in (gwet, conger):
        with pytest.raises(ValueError, match=message):
            coefficient(RATINGS, **arguments)


def test_a_list_of_ratings_is_no_table() -> None:
    with pytest.raises(ValueError, match="ratings must be a table of items x raters"):
        gwet([1, 2, 3])


def test_an_infinite_rating_is_no_category() -> None:
    with pytest.raises(ValueError, match="inf"):
        gwet([[1, float("inf")], [1, 2]])


def test_patterns_already_have_categories() -> None:
    with pytest.raises(ValueError, match="carry their categories already"):
        gwet(Patterns.from_counts([[2, 0], [1, 1]]), categories=[1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2, 0],), "counts must be a table"),
        (([[2, -1]],), "counts must be whole numbers of at least 0, got -1"),
        (([[1.5, 0.5]],), "got 1.5"),
        (([[2, 0]], [1, 1]), "1 rows of counts need as many multiplicities"),
        (([[2, 0]], [0.5]), "multiplicities must be whole numbers of at least 0, got 0.5"),
        (([[2, 0]], None, [1, 2, 3]), "2 columns of counts need as many categories"),
    ],
)
def test_counts_are_checked(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Patterns.from_counts(*arguments)


@pytest.mark.parametrize("table", [[[1, 2]], [[1, -1], [0, 1]], [[0.5, 1], [1, 1]]])
def test_a_contingency_table_is_square_and_counts(table: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"square|whole numbers"):
        Contingency.of(table)
