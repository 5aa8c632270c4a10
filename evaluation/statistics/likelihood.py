"""Abilities of models from comparisons by maximum likelihood, with errors that let a cluster's battles depend.

Everything is computed on the pairs of models that meet, so that the number of battles matters little.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.outcomes import OutcomeModel, Slopes

MAX_STEPS = 200
MAX_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Fitted:
    """The maximum, for m models, p pairs that meet, n battles, c outcomes and q parameters of the outcome model."""

    abilities: FloatArray
    """(m,) natural log-odds of mean 0."""
    parameters: FloatArray
    """(q,) of the outcome model."""
    information: FloatArray
    """(m + q, m + q) observed, with the penalty that holds the mean of the abilities."""
    pairs: IntArray
    """(2, p) positions of the models that meet, the smaller first."""
    pair_of: IntArray
    """(n,) the pair of each battle."""
    shares: FloatArray
    """(n, c) each battle's outcome, as the pair's first model sees it."""
    counts: FloatArray
    """(p, c) battles by outcome, as the pair's first model sees it."""
    slopes: Slopes
    """At the maximum, of each pair."""

    @property
    def scores(self) -> FloatArray:
        """(n, 1 + q) of each battle: derivatives of its log-likelihood by the pair's difference and by parameters."""
        return np.asarray(np.einsum("nc,ncx->nx", self.shares, self.slopes.gradient[self.pair_of]))

    def scores_by_cluster(self, clusters: IntArray) -> "sparse.csr_array":
        """(g, m + q) sums over the battles of each cluster; clusters: (n,) from 0."""
        scores, models = self.scores, len(self.abilities)
        low, high = self.pairs[:, self.pair_of]
        columns = [low, high, *(np.full(len(low), models + q) for q in range(len(self.parameters)))]
        values = [scores[:, 0], -scores[:, 0], *scores[:, 1:].T]
        rows = np.tile(clusters, len(columns))
        shape = (int(clusters.max()) + 1, models + len(self.parameters))
        return sparse.coo_array((np.concatenate(values), (rows, np.concatenate(columns))), shape=shape).tocsr()

    def covariance(self, clusters: IntArray) -> FloatArray:
        """(m + q, m + q) the cluster-robust sandwich of abilities (less their mean) and parameters; g > 1 clusters."""
        groups = int(clusters.max()) + 1
        sums = self.scores_by_cluster(clusters)
        bread = np.linalg.inv(self.information)
        return np.asarray(groups / (groups - 1) * bread @ (sums.T @ sums).toarray() @ bread)


def maximum_likelihood(players: IntArray, votes: FloatArray, models: int, outcome: OutcomeModel) -> Fitted:
    """By Newton's method, from battles (2, n) with votes (n,) for the first; a finite maximum must exist.

    The likelihood leaves the abilities' mean free. A penalty of (their sum)^2 / 2m holds it at 0 without moving the
    differences, and makes the information invertible.
    """
    low_is_first = players[0] < players[1]
    low, high = np.where(low_is_first, players, players[::-1])
    codes, pair_of = np.unique(low * models + high, return_inverse=True)
    pairs: IntArray = np.stack([codes // models, codes % models]).astype(np.int64)
    shares: FloatArray = outcome.shares(np.where(low_is_first, votes, -votes))
    counts: FloatArray = np.column_stack([np.bincount(pair_of, column, len(codes)) for column in shares.T])
    values: FloatArray = np.concatenate([np.zeros(models), outcome.start])
    slopes = _slopes(outcome, values, pairs, models)
    if slopes is None:
        raise ArithmeticError("the outcome model starts out of its bounds")
    likelihood = float((counts * slopes.log_chance).sum())
    for _ in range(MAX_STEPS):
        gradient, information = _assembled(counts, slopes, pairs, models, values)
        step = np.linalg.solve(information, gradient)
        step /= max(1.0, float(np.abs(step).max()))  # a full step overshoots where the curve is flat
        for _ in range(MAX_HALVINGS):
            trial = _slopes(outcome, values + step, pairs, models)
            reached = -np.inf if trial is None else float((counts * trial.log_chance).sum())
            if trial is not None and reached >= likelihood - 1e-9 * (1 + abs(likelihood)):
                break
            step = step / 2
        else:
            break
        values, slopes, likelihood = values + step, trial, reached
        if np.abs(step).max() < 1e-10:
            information = _assembled(counts, slopes, pairs, models, values)[1]
            abilities = values[:models] - values[:models].mean()
            return Fitted(abilities, values[models:], information, pairs, pair_of, shares, counts, slopes)
    raise ArithmeticError(f"the ratings of {models} models did not settle in {MAX_STEPS} steps")


def _slopes(outcome: OutcomeModel, values: FloatArray, pairs: IntArray, models: int) -> Slopes | None:
    return outcome.slopes(values[pairs[0]] - values[pairs[1]], values[models:])


def _assembled(
    counts: FloatArray, slopes: Slopes, pairs: IntArray, models: int, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The gradient (m + q,) and the information (m + q, m + q) of the penalised log-likelihood."""
    by_pair = np.einsum("pc,pcx->px", counts, slopes.gradient)
    bends = np.einsum("pc,pcxy->pxy", counts, slopes.curvature)
    low, high = pairs
    size = len(values)
    gradient = np.zeros(size)
    gradient[:models] = np.bincount(low, by_pair[:, 0], models) - np.bincount(high, by_pair[:, 0], models)
    gradient[:models] -= values[:models].sum() / models
    gradient[models:] = by_pair[:, 1:].sum(axis=0)
    information = np.zeros((size, size))
    information[low, high] = information[high, low] = -bends[:, 0, 0]
    diagonal = np.arange(models)
    information[diagonal, diagonal] = np.bincount(low, bends[:, 0, 0], models) + np.bincount(
        high, bends[:, 0, 0], models
    )
    information[:models, :models] += 1 / models
    for q in range(size - models):
        mixed = np.bincount(low, bends[:, 0, 1 + q], models) - np.bincount(high, bends[:, 0, 1 + q], models)
        information[:models, models + q] = information[models + q, :models] = mixed
    information[models:, models:] = bends[:, 1:, 1:].sum(axis=0)
    return gradient, information
