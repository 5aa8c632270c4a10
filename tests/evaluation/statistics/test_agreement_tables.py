"""The table of two raters: the same coefficients, with a variance that divides by n."""

import math

import pytest

from evaluation.statistics.agreement import COEFFICIENTS, conger, gwet, percent_agreement
from evaluation.statistics.patterns import Contingency

CELLS = [[2, 1, 0], [0, 3, 1], [1, 0, 2]]
RATINGS = [[1, 1], [1, 1], [1, 2], [2, 2], [2, 2], [2, 2], [2, 3], [3, 1], [3, 3], [3, 3]]


@pytest.mark.parametrize("weights", ["identity", "quadratic", "ordinal"])
@pytest.mark.parametrize("coefficient", list(COEFFICIENTS.values()))
def test_a_table_says_what_its_ratings_say(coefficient: object, weights: str) -> None:
    """But for the error: its square is over 10 * 10 instead of 10 * 9."""
    by_table, by_ratings = (coefficient(form, weights) for form in (Contingency.of(CELLS), RATINGS))  # type: ignore[operator]
    assert by_table.value == pytest.approx(by_ratings.value, abs=1e-14)
    assert by_table.expected == pytest.approx(by_ratings.expected, abs=1e-14)
    assert by_table.standard_error == pytest.approx(by_ratings.standard_error * math.sqrt(9 / 10), abs=1e-14)


def test_percent_agreement_of_a_table_has_the_error_of_a_proportion() -> None:
    """7 of 10 agree: sqrt(0.7 * 0.3 / 10)."""
    found = percent_agreement(Contingency.of(CELLS))
    assert found.value == pytest.approx(0.7, abs=1e-14)
    assert found.standard_error == pytest.approx(math.sqrt(0.021), abs=1e-14)


def test_cohens_kappa_of_a_table_of_two_categories() -> None:
    """Agreement 0.8, by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5: 0.3 / 0.5."""
    assert conger(Contingency.of([[45, 5], [15, 35]], ["no", "yes"])).value == pytest.approx(0.6, abs=1e-14)


def test_numbers_of_the_categories_weigh() -> None:
    """Linear weights on 1, 2, 5: the two items apart by 1 and by 3 count 3/4 and 1/4, of four."""
    table = Contingency.of([[1, 1, 0], [0, 1, 1], [0, 0, 0]], categories=[1, 2, 5])
    assert percent_agreement(table, "linear").value == pytest.approx(3 / 4, abs=1e-14)


def test_an_empty_table_is_explained() -> None:
    assert "no ratings" in gwet(Contingency.of([[0, 0], [0, 0]])).note
    assert "no ratings" in conger(Contingency.of([[0, 0], [0, 0]])).note


def test_a_table_has_its_categories_already() -> None:
    for coefficient in COEFFICIENTS.values():
        with pytest.raises(ValueError, match=r"carr.* categories already"):
            coefficient(Contingency.of(CELLS), categories=[1, 2, 3])
    with pytest.raises(ValueError, match="3 rows and columns need as many categories"):
        Contingency.of(CELLS, categories=[1, 2])
