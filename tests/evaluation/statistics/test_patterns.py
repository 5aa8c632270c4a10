"""Ratings in every form become the same patterns of counts."""

import numpy as np
import pytest

from evaluation.statistics.patterns import MISSING, Contingency, Patterns, encode

NAN = float("nan")


def as_dict(patterns: Patterns) -> dict[tuple[float, ...], float]:
    rows = zip(patterns.counts.tolist(), patterns.multiplicities.tolist(), strict=True)
    return {tuple(counts): times for counts, times in rows}


def test_items_that_look_alike_are_one_pattern() -> None:
    patterns = Patterns.from_ratings([[1, 2, 2], [2, 1, 2], [2, 2, NAN], [1, 1, 1]])
    assert as_dict(patterns) == {(1, 2): 2, (0, 2): 1, (3, 0): 1}


@pytest.mark.parametrize("categories", [3, 18, 60])
def test_patterns_are_the_same_however_many_there_could_be(categories: int) -> None:
    """Few possible patterns are counted in a table, many sorted by number, too many for a number by their counts."""
    ratings = np.random.default_rng(5).integers(1, 4, (50, 3))
    patterns = Patterns.from_ratings(ratings, range(1, categories + 1))
    counts = np.stack([(ratings == category).sum(axis=1) for category in range(1, categories + 1)], axis=1)
    rows, times = np.unique(counts, axis=0, return_counts=True)
    assert as_dict(patterns) == as_dict(Patterns.from_counts(rows, times))


def test_missing_ratings_may_be_nan_none_or_empty_words() -> None:
    assert encode([[1, None], [2, NAN]]).codes.tolist() == [[0, MISSING], [1, MISSING]]
    assert encode([["b", ""], ["a", None]]).codes.tolist() == [[1, MISSING], [0, MISSING]]


def test_words_keep_the_declared_order() -> None:
    assert encode([["low", "high"]], ["low", "middle", "high"]).codes.tolist() == [[0, 2]]


def test_a_contingency_table_is_one_pair_of_ratings_for_each_cell() -> None:
    rows = Contingency.of([[2, 1], [0, 1]], categories=["no", "yes"]).rows()
    assert rows.codes.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert rows.times.tolist() == [2, 1, 0, 1]
