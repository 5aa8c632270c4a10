"""Ratings as patterns of counts: how many raters put an item into each category, and how many items look alike.

Three raters and seven categories make at most 119 different patterns however many items there are, and every agreement
coefficient but Conger's is a function of them. A database can count them (GROUP BY) and hand them over as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.statistics.arrays import FloatArray, IntArray, Table

MISSING = -1

# Below this many possible patterns a table of counters is faster than sorting the items.
COUNTABLE_PATTERNS = 1 << 20


@dataclass(frozen=True, eq=False)
class Scale:
    """The categories in their order, with the numeric values (q,) that weights are computed from.

    Numbers keep their own values; words get 1, 2, ..., q.
    """

    categories: tuple[object, ...]
    values: FloatArray

    @classmethod
    def of(cls, categories: Sequence[object]) -> "Scale":
        """Raises ValueError when a category is declared twice, is not finite, or numbers do not increase."""
        if len(set(categories)) < len(categories):
            raise ValueError(f"categories must differ from each other, got {tuple(categories)}")
        if any(isinstance(category, str) for category in categories):
            return cls(tuple(str(category) for category in categories), np.arange(1.0, len(categories) + 1))
        values = np.asarray(categories, dtype=np.float64)
        if not np.all(np.isfinite(values)) or np.any(np.diff(values) <= 0):
            raise ValueError(f"categories must be increasing numbers, or words in their order, got {tuple(categories)}")
        return cls(tuple(values.tolist()), values)


@dataclass(frozen=True, eq=False)
class Ratings:
    """Items x raters as `codes`: the position of the category on the scale, or MISSING."""

    codes: IntArray
    scale: Scale


@dataclass(frozen=True, eq=False)
class Patterns:
    """Distinct vectors of `counts` (p, q) and the number of items (p,) that have each: `multiplicities`."""

    counts: FloatArray
    multiplicities: FloatArray
    scale: Scale
    divides_by_n: bool = False
    """Whether variances divide by n, as Gwet's formulas for the table of two raters do, and not by n - 1."""

    @classmethod
    def from_counts(
        cls, counts: ArrayLike, multiplicities: ArrayLike | None = None, categories: Sequence[object] | None = None
    ) -> "Patterns":
        """From rows of counts: item by item, or each distinct row with its number of items.

        counts: (p, q), raters who chose category k in row i. multiplicities: (p,), one each when omitted.
        categories: the q columns in order, 1 to q when omitted. Raises ValueError when shapes or values don't fit.
        """
        table = np.asarray(counts, dtype=np.float64)
        if table.size == 0:  # a query without rows
            table = table.reshape(0, len(categories or ()))
        if table.ndim != 2:
            raise ValueError(f"counts must be a table of items x categories, got shape {table.shape}")
        times = np.ones(len(table)) if multiplicities is None else np.asarray(multiplicities, dtype=np.float64)
        if times.shape != (len(table),):
            raise ValueError(f"{len(table)} rows of counts need as many multiplicities, got shape {times.shape}")
        scale = Scale.of(range(1, table.shape[1] + 1) if categories is None else categories)
        if len(scale.values) != table.shape[1]:
            raise ValueError(f"{table.shape[1]} columns of counts need as many categories, got {scale.categories}")
        for name, array in (("counts", table), ("multiplicities", times)):
            if not np.all(array >= 0) or np.any(array != np.floor(array)):
                raise ValueError(f"{name} must be whole numbers of at least 0, got {_first_bad(array)}")
        return cls(table, times, scale)

    @classmethod
    def from_ratings(cls, ratings: Table, categories: Sequence[object] | None = None) -> "Patterns":
        """From items x raters, NaN (or None, or an empty string among words) where a rating is missing."""
        return cls.from_codes(encode(ratings, categories))

    @classmethod
    def from_codes(cls, encoded: Ratings) -> "Patterns":
        """From items x raters as positions on the scale."""
        q = len(encoded.scale.values)
        raters = encoded.codes.shape[1]
        if (raters + 1) ** q >= 1 << 62:
            rows = np.stack([(encoded.codes == code).sum(axis=1) for code in range(q)], axis=1)
            counts, times = np.unique(rows, axis=0, return_counts=True)
            return cls(counts.astype(np.float64), times.astype(np.float64), encoded.scale)
        # A count vector is a number in base raters + 1: its digits are the counts, so that one integer names a pattern.
        places = (raters + 1) ** np.arange(q + 1, dtype=np.int64)
        places[q] = 0  # code MISSING, -1, reads the last place and adds nothing
        keys, times = _distinct(places[encoded.codes].sum(axis=1), (raters + 1) ** q)
        counts = keys[:, None] // places[:q] % (raters + 1)
        return cls(counts.astype(np.float64), times.astype(np.float64), encoded.scale)


@dataclass(frozen=True, eq=False)
class Contingency:
    """Two raters' ratings as a square table of counts: `cells` (q, q), rows the first rater's category."""

    cells: FloatArray
    scale: Scale

    @classmethod
    def of(cls, cells: ArrayLike, categories: Sequence[object] | None = None) -> "Contingency":
        """categories: of the rows and the columns, 1 to q when omitted. Raises ValueError for what is no such table."""
        table = np.asarray(cells, dtype=np.float64)
        if table.ndim != 2 or table.shape[0] != table.shape[1]:
            raise ValueError(f"a contingency table of two raters must be square, got shape {table.shape}")
        if not np.all(table >= 0) or np.any(table != np.floor(table)):
            raise ValueError(f"cells must be whole numbers of at least 0, got {_first_bad(table)}")
        scale = Scale.of(range(1, len(table) + 1) if categories is None else categories)
        if len(scale.values) != len(table):
            raise ValueError(f"{len(table)} rows and columns need as many categories, got {scale.categories}")
        return cls(table, scale)

    def rows(self) -> "Rows":
        first, second = np.indices(self.cells.shape)
        codes = np.stack([first.ravel(), second.ravel()], axis=1)
        return Rows(codes, self.cells.ravel(), self.scale, divides_by_n=True)


@dataclass(frozen=True, eq=False)
class Rows:
    """Distinct rows of ratings, `codes` (p, raters), which know who chose what, and the items (p,) that have each."""

    codes: IntArray
    times: FloatArray
    scale: Scale
    divides_by_n: bool = False

    @classmethod
    def from_codes(cls, encoded: Ratings) -> "Rows":
        codes, base = encoded.codes, len(encoded.scale.values) + 1
        if base ** codes.shape[1] >= 1 << 62:
            rows, times = np.unique(codes, axis=0, return_counts=True)
            return cls(rows, times.astype(np.float64), encoded.scale)
        places = base ** np.arange(codes.shape[1], dtype=np.int64)
        keys, times = _distinct((codes - MISSING) @ places, base ** codes.shape[1])
        return cls(keys[:, None] // places % base + MISSING, times.astype(np.float64), encoded.scale)

    def patterns(self) -> Patterns:
        """The same as counts; a pattern may occur in several rows."""
        counts = (self.codes[:, :, None] == np.arange(len(self.scale.values))).sum(axis=1)
        return Patterns(counts.astype(np.float64), self.times, self.scale, self.divides_by_n)


def encode(ratings: Table, categories: Sequence[object] | None = None) -> Ratings:
    """Items x raters as positions on the scale; undeclared categories are those that occur, in sorted order.

    Raises ValueError for a table that is not two-dimensional and for a rating that is not a declared category.
    """
    table = np.asarray(ratings)
    if table.size == 0:  # a query without rows
        table = table.reshape(0, 0)
    if table.ndim != 2:
        raise ValueError(f"ratings must be a table of items x raters, got shape {table.shape}")
    if _has_words(table):
        table, present = _words(table)
    else:
        table = table.astype(np.float64)
        present = ~np.isnan(table)
    given = table[present]
    scale = Scale.of(np.unique(given).tolist() if categories is None else categories)
    codes = np.full(table.shape, MISSING, dtype=np.int64)
    codes[present] = _positions(given, scale)
    return Ratings(codes, scale)


def _positions(given: NDArray[np.generic], scale: Scale) -> IntArray:
    known = np.asarray(scale.categories)
    if given.size == 0:
        return np.empty(0, dtype=np.int64)
    if known.dtype.kind != given.dtype.kind:
        raise ValueError(f"ratings and categories must both be numbers or both be words, got {scale.categories}")
    order = np.argsort(known)
    found = order[np.minimum(np.searchsorted(known, given, sorter=order), len(known) - 1)]
    strange = given[known[found] != given]
    if strange.size:
        raise ValueError(
            f"rating {strange[0]!s} is not among the categories {scale.categories}: declare it or remove it"
        )
    return found


def _has_words(table: NDArray[np.generic]) -> bool:
    if table.dtype.kind == "O":
        return any(isinstance(rating, str) for rating in table.flat)
    return table.dtype.kind in "US"


def _words(table: NDArray[np.generic]) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    blank = np.vectorize(lambda rating: rating is None or rating != rating or str(rating).strip() == "", otypes=[bool])
    present = ~blank(table)
    return np.where(present, table.astype(np.str_), ""), present


def _distinct(keys: IntArray, limit: int) -> tuple[IntArray, IntArray]:
    if limit > COUNTABLE_PATTERNS:
        return np.unique(keys, return_counts=True)
    times = np.bincount(keys, minlength=1)
    found = np.flatnonzero(times)
    return found, times[found]


def _first_bad(array: NDArray[np.generic]) -> object:
    numbers = array.astype(np.float64)
    return numbers[~(numbers >= 0) | (numbers != np.floor(numbers))].flat[0]
