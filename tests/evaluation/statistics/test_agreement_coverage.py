"""How often intervals of agreement hold the true coefficient: as often as they say, within the simulation's error."""

import math
from itertools import product

import numpy as np
import pytest
from numpy.typing import ArrayLike

from evaluation.statistics.agreement import COEFFICIENTS
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.patterns import Patterns
from evaluation.statistics.resampling import bootstrap

pytestmark = pytest.mark.slow

SIMULATIONS = 2000
ERROR = 3 * math.sqrt(0.95 * 0.05 / SIMULATIONS)
SCALE = range(1, 8)


def seven_points() -> tuple[FloatArray, FloatArray]:
    """All ratings of an item by three raters, (343, 3), and how likely each is.

    Items have a quality of 1 to 7, the better the more often; a rater is right with 0.5 and one point off with 0.2 on
    either side, else anywhere.
    """
    quality = np.arange(1, 8)
    frequency = quality / quality.sum()
    said = np.full((7, 7), 0.1 / 7)
    for place in range(7):
        said[place, place] += 0.5
        for beside in (place - 1, place + 1):
            said[place, min(max(beside, 0), 6)] += 0.2
    ratings = np.array(list(product(range(7), repeat=3)))
    chances = np.sum(frequency[:, None] * np.prod(said[:, ratings], axis=2), axis=0)
    return ratings + 1.0, chances / chances.sum()


RATINGS, CHANCES_OF_RATINGS = seven_points()
COUNTS, KIND = np.unique(
    [[(row == category).sum() for category in SCALE] for row in RATINGS], axis=0, return_inverse=True
)
CHANCES = np.bincount(KIND.ravel(), weights=CHANCES_OF_RATINGS)


def truth(coefficient: str, weights: str, times: ArrayLike) -> float:
    value = COEFFICIENTS[coefficient](Patterns.from_counts(COUNTS, times), weights).value
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("coefficient", "weights"),
    [
        ("gwet", "identity"),
        ("gwet", "quadratic"),
        ("fleiss", "quadratic"),
        ("krippendorff", "linear"),
        ("brennan_prediger", "ordinal"),
        ("percent_agreement", "identity"),
    ],
)
def test_nineteen_of_twenty_intervals_hold_the_truth(coefficient: str, weights: str) -> None:
    """With 1000 items. They are of large samples: with 250, AC2's held the truth in 93.7 % of 3000 simulations."""
    rng = np.random.default_rng(1)
    true = truth(coefficient, weights, np.round(CHANCES * 1e12))
    covered = 0
    for times in rng.multinomial(1000, CHANCES, size=SIMULATIONS):
        low, high = COEFFICIENTS[coefficient](Patterns.from_counts(COUNTS, times), weights).interval or (1, 0)
        covered += low <= true <= high
    assert covered / SIMULATIONS == pytest.approx(0.95, abs=ERROR)


def test_a_large_part_of_a_finite_population_leaves_less_open() -> None:
    """200 of 300 items, drawn without putting back: by the population's size the interval is sharp, and still holds."""
    rng = np.random.default_rng(2)
    population = rng.multinomial(300, CHANCES)
    true = truth("gwet", "quadratic", population)
    covered = careless = 0
    for times in rng.multivariate_hypergeometric(population, 200, size=SIMULATIONS):
        patterns = Patterns.from_counts(COUNTS, times)
        low, high = COEFFICIENTS["gwet"](patterns, "quadratic", population=300).interval or (1, 0)
        covered += low <= true <= high
        low, high = COEFFICIENTS["gwet"](patterns, "quadratic").interval or (1, 0)
        careless += low <= true <= high
    assert covered / SIMULATIONS == pytest.approx(0.95, abs=ERROR)
    assert careless / SIMULATIONS > 0.99


@pytest.mark.parametrize("coefficient", ["gwet", "conger"])
def test_bootstrap_intervals_hold_the_truth_as_often(coefficient: str) -> None:
    """The true value is that of very many items, with a tenth of the error of 250 or less."""
    rng = np.random.default_rng(3)
    many = rng.multinomial(200_000, CHANCES_OF_RATINGS)
    true = COEFFICIENTS[coefficient](np.repeat(RATINGS, many, axis=0), "quadratic", SCALE)
    assert true.value is not None and (true.standard_error or 1) < 0.002
    covered, simulations = 0, 300
    for seed, drawn in enumerate(rng.choice(len(RATINGS), p=CHANCES_OF_RATINGS, size=(simulations, 250))):
        found = bootstrap(coefficient, RATINGS[drawn], "quadratic", SCALE, replicates=300, seed=seed)
        low, high = found.interval or (1, 0)
        covered += low <= true.value <= high
    assert covered / simulations == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / simulations))
