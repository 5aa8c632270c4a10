"""How well ratings reproduce the results of each pair of models: goodness of fit, for every model of an outcome.

A rating says one number for each model. Whether that is enough is a question to the data: the saturated model, which
gives every pair its own chances, always fits better, and the tests below ask whether by more than chance explains.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse, special

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.likelihood import Fitted

FEW_EXPECTED = 5.0
MOST_BELOW = 0.2

SATURATED = "No pair is left over to check the ratings by: they reproduce any results."
ONE_CLUSTER = "One cluster alone says nothing about chance."
SPARSE = "More than a fifth of the expected counts are below 5 (Cochran, 1954): take the p-values as rough."


@dataclass(frozen=True)
class PairResidual:
    """What `first` took from `second`, in points, and what the ratings expect.

    residual: their difference in standard errors, which let a cluster's battles depend on each other and take into
    account that the same results set the ratings; beyond 2 in one pair of twenty by chance. None without an error.
    """

    first: str
    second: str
    battles: int
    observed: float
    expected: float
    residual: float | None


@dataclass(frozen=True)
class GoodnessOfFit:
    """Pearson's X2 and the likelihood ratio's G2 of the fitted against the saturated table of pairs x outcomes.

    p_independent: of X2, if battles were independent of each other; None where a tie is half a win, as halves are no
    counts. design_effect: how many times larger X2 is to be
    expected under the model as battles of a cluster depend on each other (below 1 where the results on one prompt
    contradict each other less than independent ones would); p_value: of X2 divided by it, the
    correction of Rao and Scott (1984) to the first order. They are None where undefined, and the note says why.
    """

    x2: float
    g2: float
    degrees: int
    p_independent: float | None
    design_effect: float | None
    p_value: float | None
    pairs: tuple[PairResidual, ...]
    note: str = ""


def goodness_of_fit(fitted: Fitted, names: list[str], points: FloatArray, clusters: IntArray) -> GoodnessOfFit:
    """names: (m,) of the fitted models. points: (c,) that each outcome is worth. clusters: (n,) of battles, from 0."""
    games = fitted.counts.sum(axis=1, keepdims=True)
    expected = games * np.exp(fitted.slopes.log_chance)
    residuals = fitted.counts - expected
    with np.errstate(divide="ignore", invalid="ignore"):
        deviance = np.where(fitted.counts > 0, fitted.counts * np.log(fitted.counts / expected), 0.0)
    x2 = float((residuals**2 / expected).sum())
    pairs, outcomes = fitted.counts.shape
    degrees = pairs * (outcomes - 1) - (len(fitted.abilities) - 1 + len(fitted.parameters))
    several = len(np.unique(clusters)) > 1
    worths = np.vstack([points, np.eye(outcomes)])
    variances = _residual_variances(fitted, worths, clusters) if several else np.zeros((1 + outcomes, pairs))
    of_pairs = _of_pairs(fitted, names, points, expected, np.sqrt(variances[0]))
    g2 = max(2 * float(deviance.sum()), 0.0)
    if degrees <= 0:
        return GoodnessOfFit(x2, g2, 0, None, None, None, of_pairs, SATURATED)
    whole = bool(np.all((fitted.shares == 0) | (fitted.shares == 1)))
    independent = float(special.chdtrc(degrees, x2)) if whole else None
    if not several:
        return GoodnessOfFit(x2, g2, degrees, independent, None, None, of_pairs, ONE_CLUSTER)
    effect = float((variances[1:].T / expected).sum()) / degrees
    note = SPARSE if np.mean(expected < FEW_EXPECTED) > MOST_BELOW else ""
    if effect <= 1e-12:
        return GoodnessOfFit(x2, g2, degrees, independent, None, None, of_pairs, note)
    corrected = float(special.chdtrc(degrees, x2 / effect))
    return GoodnessOfFit(x2, g2, degrees, independent, effect, corrected, of_pairs, note)


def _of_pairs(
    fitted: Fitted, names: list[str], points: FloatArray, expected: FloatArray, errors: FloatArray
) -> tuple[PairResidual, ...]:
    """By the size of the residual, the largest first."""
    taken, due = fitted.counts @ points, expected @ points
    with np.errstate(divide="ignore", invalid="ignore"):
        standardized = np.where(errors > 1e-9, (taken - due) / errors, np.nan)
    order = np.argsort(-np.nan_to_num(np.abs(standardized), nan=-1.0), kind="stable")
    return tuple(
        PairResidual(
            first=names[int(fitted.pairs[0, pair])],
            second=names[int(fitted.pairs[1, pair])],
            battles=round(float(fitted.counts[pair].sum())),
            observed=float(taken[pair]),
            expected=float(due[pair]),
            residual=None if np.isnan(standardized[pair]) else float(standardized[pair]),
        )
        for pair in order.tolist()
    )


def _residual_variances(fitted: Fitted, worths: FloatArray, clusters: IntArray) -> FloatArray:
    """(w, p) variances of each pair's total of each of the `worths` (w, c) of outcomes, less what the fit expects.

    A battle's part in it is its own residual, less what it moved the expectation by: its score, through the inverse
    of the information, times the expectation's slope. Sums over clusters, squared and added up, make the variance.
    """
    chance = np.exp(fitted.slopes.log_chance)
    models, pairs, columns = len(fitted.abilities), len(chance), np.arange(len(chance))
    games = fitted.counts.sum(axis=1)
    scores = fitted.scores_by_cluster(clusters)
    groups = scores.shape[0]
    together = (scores.T @ scores).toarray()
    inverse = np.linalg.inv(fitted.information)
    variances = np.empty((len(worths), pairs))
    for row, worth in enumerate(worths):
        own = fitted.shares @ worth - (chance @ worth)[fitted.pair_of]
        parts = sparse.coo_array((own, (clusters, fitted.pair_of)), shape=(groups, pairs)).tocsr()
        slope = np.einsum("pc,pcx,c->px", chance, fitted.slopes.gradient, worth) * games[:, None]
        directions = np.zeros((models + len(fitted.parameters), pairs))
        directions[fitted.pairs[0], columns] = slope[:, 0]
        directions[fitted.pairs[1], columns] = -slope[:, 0]
        directions[models:] = slope[:, 1:].T
        moved = inverse @ directions
        squares = np.asarray(parts.multiply(parts).sum(axis=0)).ravel()
        crossed = (moved * (scores.T @ parts).toarray()).sum(axis=0)
        variances[row] = squares - 2 * crossed + (moved * (together @ moved)).sum(axis=0)
    return np.maximum(variances * groups / (groups - 1), 0.0)
