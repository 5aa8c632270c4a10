"""Logistic regression of parts of 1, with errors that let the observations of a cluster depend on each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.estimates import cluster_codes

MAX_STEPS = 50
STEP = 1e-10
FARTHEST = 30.0
"""Log odds beyond which a fit runs away: the outcomes are told apart without an error."""


class UndefinedFitError(Exception):
    """No finite coefficients fit the outcomes; the message is the note for the reader."""


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """k coefficients in log odds, their cluster-robust covariance (k, k), and the number of clusters."""

    coefficients: FloatArray
    covariance: FloatArray
    clusters: int


def logistic_regression(design: ArrayLike, outcomes: ArrayLike, clusters: ArrayLike | None = None) -> LogisticFit:
    """Quasi-maximum likelihood of outcomes (n,), from 0 to 1, on the columns of design (n, k).

    Outcomes between 0 and 1, a tie as one half for instance, are parts of a trial (Papke and Wooldridge, 1996): the
    sandwich covariance holds for them too. With A the information and s_g a cluster's score, it is
    G/(G-1) A^-1 (sum_g s_g s_g^T) A^-1. Raises UndefinedFitError, and ValueError for bad arguments.
    """
    x, y = np.asarray(design, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"design must be (n, k) and outcomes (n,), got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and ((y >= 0) & (y <= 1)).all()):
        raise ValueError("design must be finite numbers, and outcomes between 0 and 1")
    codes = np.arange(len(y)) if clusters is None else cluster_codes(clusters, len(y))
    groups = int(codes.max(initial=-1)) + 1
    if groups < 2:
        raise UndefinedFitError("Fewer than two prompts say nothing about the error of this figure.")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise UndefinedFitError("The observations don't vary enough to fit anything to them.")
    beta = _maximum(x, y)
    fitted = special.expit(x @ beta)
    inverse = np.linalg.inv((x * (fitted * (1 - fitted))[:, None]).T @ x)
    scores = np.zeros((groups, x.shape[1]))
    np.add.at(scores, codes, x * (y - fitted)[:, None])
    return LogisticFit(beta, groups / (groups - 1) * inverse @ (scores.T @ scores) @ inverse, groups)


def _maximum(x: FloatArray, y: FloatArray) -> FloatArray:
    """By Newton's method; the likelihood is concave, so that a step that overshoots is halved."""
    beta = np.zeros(x.shape[1])
    for _ in range(MAX_STEPS):
        fitted = special.expit(x @ beta)
        information = (x * (fitted * (1 - fitted))[:, None]).T @ x
        try:
            step = np.linalg.solve(information, x.T @ (y - fitted))
        except np.linalg.LinAlgError:
            break
        while _log_likelihood(x, y, beta + step) < _log_likelihood(x, y, beta) - 1e-9 and np.abs(step).max() > STEP:
            step = step / 2
        beta = beta + step
        if np.abs(x @ beta).max() > FARTHEST:
            break
        if np.abs(step).max() < STEP:
            return beta
    raise UndefinedFitError("The outcomes are told apart without a single error: no finite figure fits them.")


def _log_likelihood(x: FloatArray, y: FloatArray, beta: FloatArray) -> float:
    log_odds = x @ beta
    return float(np.sum(y * special.log_expit(log_odds) + (1 - y) * special.log_expit(-log_odds)))
