"""Comparisons of two models each, as positions and counts; and which models can be rated from them at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import csgraph

from evaluation.statistics.arrays import FloatArray, IntArray

ABOVE, RATED, BELOW, APART, ALONE = range(5)


@dataclass(frozen=True, eq=False)
class Battles:
    """n battles among m models."""

    names: NDArray[np.generic]
    """(m,) in the order of the alphabet."""
    players: IntArray
    """(2, n) positions of the first and of the second model among the names."""
    votes: FloatArray
    """(n,) above 0 for the first model, 0 for a tie, below 0 for the second."""

    @property
    def models(self) -> int:
        return len(self.names)


def battles_of(first: ArrayLike, second: ArrayLike, votes: ArrayLike, what: str = "votes") -> Battles:
    """From names (n,) and votes (n,). Raises ValueError for bad lists and for a model against itself."""
    said = np.asarray(votes, dtype=np.float64)
    sides = [np.asarray(first), np.asarray(second)]
    if said.ndim != 1 or any(side.shape != said.shape for side in sides):
        shapes = ", ".join(str(array.shape) for array in (*sides, said))
        raise ValueError(f"first, second and {what} must be lists of one length, got shapes {shapes}")
    names, players = np.unique(np.concatenate(sides), return_inverse=True)
    players = players.reshape(2, -1).astype(np.int64)
    same = np.flatnonzero(players[0] == players[1])
    if same.size:
        raise ValueError(f"a model cannot be compared with itself, got {names[players[0, same[0]]]} on both sides")
    return Battles(names, players, said)


def points_table(players: IntArray, won: FloatArray, models: int) -> FloatArray:
    """Points (models, models) that the row's model took from the column's; won: (n,) the first one's, from 0 to 1."""
    first, second = players
    cells = np.concatenate([first * models + second, second * models + first])
    return np.bincount(cells, np.concatenate([won, 1 - won]), models**2).reshape(models, models).astype(np.float64)


def wins_table(players: IntArray, votes: FloatArray, models: int) -> FloatArray:
    """How often (models, models) the row's model was preferred to the column's."""
    winner, loser = np.where(votes > 0, players, players[::-1])[:, votes != 0]
    return np.bincount(winner * models + loser, minlength=models**2).reshape(models, models).astype(np.float64)


def places_of(took: FloatArray) -> IntArray:
    """Which models are RATED, and where the others stand to them, from what each took (m, m) from each other.

    A finite maximum of the likelihood exists among models where each has taken something from each other, directly
    or through others (Ford, 1957). The largest such group is rated, as it would be if the others' ratings grew
    without bound.
    """
    links = sparse.csr_array(took > 0)
    groups = csgraph.connected_components(links, connection="strong")[1]
    sizes = np.bincount(groups)
    if sizes.max() < 2:
        return np.full(len(took), ALONE)
    games = np.bincount(groups, weights=took.sum(axis=0) + took.sum(axis=1))
    largest = np.flatnonzero(groups == np.lexsort((games, sizes))[-1])
    places = np.full(len(took), APART)
    places[csgraph.breadth_first_order(links, largest[0], return_predecessors=False)] = BELOW
    places[csgraph.breadth_first_order(links.T, largest[0], return_predecessors=False)] = ABOVE
    places[largest] = RATED
    return places
