"""p-values of many tests at once: Holm's and Benjamini and Hochberg's rules by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.multiplicity import benjamini_hochberg, holm

NAN = float("nan")


def test_holm_by_hand() -> None:
    """0.01 * 4, 0.02 * 3 = 0.06, 0.03 * 2 = 0.06, 0.5 * 1."""
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_benjamini_hochberg_by_hand() -> None:
    """0.01 * 4, 0.02 * 2, 0.03 * 4/3, and 0.5: the first three are lowered to 0.04."""
    assert benjamini_hochberg([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.04, 0.04, 0.5, 0.04])


def test_a_larger_p_value_never_ends_below_a_smaller_one() -> None:
    """0.04 * 1 is below 0.02 * 3 and raised to it."""
    assert holm([0.02, 0.03, 0.04]) == pytest.approx([0.06, 0.06, 0.06])


@pytest.mark.parametrize("rule", [holm, benjamini_hochberg])
def test_undefined_ones_are_no_tests(rule: Callable[[list[float]], FloatArray]) -> None:
    adjusted = np.asarray(rule([NAN, 0.02, NAN, 0.6]))
    assert np.isnan(adjusted[[0, 2]]).all()
    assert adjusted[[1, 3]] == pytest.approx([0.04, 0.6])


@pytest.mark.parametrize("rule", [holm, benjamini_hochberg])
def test_one_test_and_no_test_stay_as_they_are(rule: Callable[[list[float]], FloatArray]) -> None:
    assert np.asarray(rule([0.3])).tolist() == [0.3]
    assert np.asarray(rule([])).tolist() == []


@pytest.mark.parametrize("rule", [holm, benjamini_hochberg])
@pytest.mark.parametrize("p", [1.2, -0.1])
def test_what_is_no_chance_is_named(rule: Callable[[list[float]], FloatArray], p: float) -> None:
    with pytest.raises(ValueError, match=rf"a p-value must be between 0 and 1, got {p}"):
        rule([0.5, p])
