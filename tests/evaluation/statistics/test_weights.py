"""The weights of four equally spaced categories by hand, and what all weights share."""

import math

import numpy as np
import pytest

from evaluation.statistics.weights import WEIGHTS, UndefinedWeightsError, weight_matrix

FOUR = np.array([1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize(
    ("name", "first_row"),
    [
        ("identity", [1, 0, 0, 0]),
        ("linear", [1, 2 / 3, 1 / 3, 0]),
        ("quadratic", [1, 8 / 9, 5 / 9, 0]),
        ("radical", [1, 1 - math.sqrt(1 / 3), 1 - math.sqrt(2 / 3), 0]),
        # Pairs of categories from the first on: 1, 3 and 6.
        ("ordinal", [1, 5 / 6, 1 / 2, 0]),
        # d/(sum) is 1/3, 2/4, 3/5; each over 3/5 and squared: 25/81, 25/36, 1.
        ("ratio", [1, 56 / 81, 11 / 36, 0]),
        # sin^2 of 45, 90 and 135 degrees: the fourth category is as near to the first as the second.
        ("circular", [1, 1 / 2, 0, 1 / 2]),
        # d^2 over (x_k + x_l - 2)(8 - x_k - x_l): 1/(1*5), 4/(2*4), 9/(3*3).
        ("bipolar", [1, 4 / 5, 1 / 2, 0]),
    ],
)
def test_weights_of_the_first_category(name: str, first_row: list[float]) -> None:
    assert weight_matrix(name, FOUR)[0] == pytest.approx(first_row, abs=1e-14)


def test_bipolar_weights_forgive_more_in_the_middle() -> None:
    """Categories 2 and 3: 1/((5 - 2)(8 - 5)) = 1/9 of the largest."""
    assert weight_matrix("bipolar", FOUR)[1, 2] == pytest.approx(8 / 9, abs=1e-14)


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_weights_are_symmetric_and_1_on_the_diagonal(name: str) -> None:
    matrix = weight_matrix(name, np.array([1.0, 2.0, 4.0, 5.5, 9.0]))
    assert np.array_equal(matrix, matrix.T)
    assert np.all(np.diag(matrix) == 1)
    assert matrix.min() == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_two_categories_leave_nothing_to_weigh(name: str) -> None:
    assert weight_matrix(name, np.array([1.0, 2.0])) == pytest.approx(np.eye(2), abs=1e-14)


def test_on_three_equal_steps_circular_is_identity_and_ordinal_is_bipolar() -> None:
    three = np.array([1.0, 2.0, 3.0])
    assert weight_matrix("circular", three) == pytest.approx(np.eye(3), abs=1e-14)
    assert weight_matrix("ordinal", three) == pytest.approx(weight_matrix("bipolar", three), abs=1e-14)


def test_ordinal_weights_see_ranks_alone() -> None:
    assert np.array_equal(weight_matrix("ordinal", FOUR), weight_matrix("ordinal", FOUR**3))


def test_only_the_symmetric_part_of_own_weights_counts() -> None:
    assert weight_matrix(np.array([[1, 0.5], [0, 1]]), np.array([1.0, 2.0])).tolist() == [[1, 0.25], [0.25, 1]]


@pytest.mark.parametrize("lowest", [0.0, -3.0])
def test_ratio_weights_need_a_scale_above_zero(lowest: float) -> None:
    with pytest.raises(UndefinedWeightsError, match="above zero"):
        weight_matrix("ratio", np.array([lowest, 3.0]))
