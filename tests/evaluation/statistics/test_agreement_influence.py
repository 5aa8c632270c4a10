"""Standard errors against the influence that single items have, found by adding one more of each to many."""

from collections.abc import Callable

import numpy as np
import pytest

from evaluation.statistics.agreement import (
    Agreement,
    brennan_prediger,
    conger,
    fleiss,
    gwet,
    krippendorff,
    percent_agreement,
)

NAN = float("nan")
COPIES = 3000

# Three raters with gaps, who rated unequally many items; every item twice or more.
RATINGS = np.array(
    [[1, 1, NAN], [2, NAN, 2], [1, 2, 2], [3, 3, 3], [NAN, 2, 3], [2, 2, 2], [3, 1, NAN], [1, 1, 2], [1, 2, NAN]]
)


@pytest.mark.parametrize("weights", ["identity", "quadratic", "radical"])
@pytest.mark.parametrize("coefficient", [gwet, fleiss, brennan_prediger, percent_agreement, krippendorff, conger])
def test_the_standard_error_is_that_of_the_items_influences(
    coefficient: Callable[..., Agreement], weights: str
) -> None:
    """One more item among many moves a coefficient by its linearised value's distance from the mean, over their number.

    Variance = sum of squared influences / (n (n - 1)). With items rated once it would be another: for all but alpha,
    Gwet's formula counts them in the observed agreement's error too.
    """
    many = np.tile(RATINGS, (COPIES, 1))
    before = coefficient(many, weights).value or NAN
    moved = [(coefficient(np.vstack([many, item]), weights).value or NAN) - before for item in RATINGS]
    influences = np.array(moved) * (len(many) + 1)
    n = len(RATINGS)
    expected = np.sqrt(np.sum(influences**2) / (n * (n - 1)))
    assert coefficient(RATINGS, weights).standard_error == pytest.approx(expected, rel=1e-3)
