"""Win rates at equal length: what would be preferred if both answers were as long as each other.

The regression of length-controlled AlpacaEval (Dubois, Galambosi, Liang and Hashimoto, 2024), fitted here: the log-odds
of preferring the model's answer are

    ability + slope * tanh(own length less the other's, over its standard deviation) + stretch * difficulty

and the length-controlled win rate is the mean of the fitted preferences with the length's term at 0. It answers a
question about the judges, who may favour long answers; it is no correction where length itself makes answers better.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from evaluation.statistics.arrays import FloatArray, IntArray
from evaluation.statistics.estimates import Estimate, check_confidence, cluster_codes, clustered_mean

MAX_STEPS = 100
FEWEST = 10
SHRINKAGE = 0.2
"""How much a shared slope weighs: as so large a part of the data on which every outcome is even, AlpacaEval's weight of
its two baselines of another length."""

EQUALLY_HARD = 1e-3
"""Log-odds: prompts whose difficulties lie closer together than this have none."""

ONE_SIDED = "Preferences are so one-sided that no regression fits: its coefficients would be infinite."
EQUAL_GAPS = "Lengths differ alike on every prompt: what that does can't be told from what the model does."
TOO_FEW = f"Fewer than {FEWEST} items are too few for a regression on length."


@dataclass(frozen=True)
class LengthControlled:
    """win_rate: at equal lengths, as a part of 1. raw: the mean preference as it is.

    slope: log-odds for an answer that is much longer than the other (where tanh is 1); above 0 where judges prefer the
    longer one. gap: the mean of own length less the other's, and spread its standard deviation, in the lengths' unit.
    stretch: how far harder prompts move the log-odds, None where prompts are given no difficulty or are all alike.
    """

    win_rate: Estimate
    raw: Estimate
    slope: Estimate
    gap: float | None
    spread: float | None
    stretch: float | None
    observations: int


@dataclass(frozen=True, eq=False)
class Difficulty:
    """What prompts do to preferences for any model: `of` (p,) in log-odds, for `prompts` (p,) in their order.

    slope: of length, shared by all models. variance: of the difficulties among prompts.
    """

    prompts: "np.ndarray"
    of: FloatArray
    slope: float
    variance: float

    def at(self, prompts: ArrayLike) -> FloatArray:
        """(n,) the difficulty of each of these prompts; 0, the average, for one that is not known."""
        labels = np.asarray(prompts)
        places = np.minimum(np.searchsorted(self.prompts, labels), len(self.prompts) - 1)
        return np.where(self.prompts[places] == labels, self.of[places], 0.0)


def length_controlled(
    preferences: ArrayLike,
    gaps: ArrayLike,
    prompts: ArrayLike | None = None,
    difficulty: ArrayLike | None = None,
    shared_slope: float | None = None,
    confidence: float = 0.95,
) -> LengthControlled:
    """From preferences (n,) for the model, 0 to 1, NaN where missing, and gaps (n,), own length less the other's.

    prompts: (n,) labels to cluster by. difficulty: (n,) of the prompts, from `shared_difficulty`, taken as known.
    shared_slope: draws the slope towards that of many models (see SHRINKAGE); without it the fit is the likelihood's
    maximum. Errors are of the sandwich and let prompts vary. Raises ValueError for bad arguments.
    """
    check_confidence(confidence)
    points, lengths = np.asarray(preferences, dtype=np.float64), np.asarray(gaps, dtype=np.float64)
    if points.ndim != 1 or lengths.shape != points.shape:
        raise ValueError(f"each preference needs a gap of lengths, got shapes {points.shape} and {lengths.shape}")
    outside = points[~np.isnan(points) & ~((points >= 0) & (points <= 1))]
    if outside.size:
        raise ValueError(f"preferences must be between 0 and 1, got {outside[0]} (subtract 1 from AlpacaEval's)")
    codes = np.arange(len(points)) if prompts is None else cluster_codes(prompts, len(points), "prompts")
    hard = None if difficulty is None else np.asarray(difficulty, dtype=np.float64)
    if hard is not None and hard.shape != points.shape:
        raise ValueError(f"each preference needs its prompt's difficulty, got shapes {points.shape} and {hard.shape}")
    there = ~(np.isnan(points) | np.isnan(lengths))
    points, lengths, codes = points[there], lengths[there], codes[there]
    raw = clustered_mean(points, codes, confidence=confidence)
    spread = float(lengths.std(ddof=1)) if len(points) > 1 else 0.0
    gap = float(lengths.mean()) if len(points) else None

    def without(note: str) -> LengthControlled:
        missing = Estimate(None, None, None, confidence, note)
        return LengthControlled(missing, raw, missing, gap, spread if len(points) > 1 else None, None, len(points))

    if len(points) < FEWEST:
        return without(TOO_FEW)
    if spread <= 1e-12:
        return without(EQUAL_GAPS)
    bent = np.tanh(lengths / spread)
    if hard is not None and np.ptp(hard[there]) < EQUALLY_HARD:
        hard = None
    scale = 1.0 if hard is None else float(hard[there].std())
    columns = [np.ones_like(bent), bent] + ([] if hard is None else [hard[there] / scale])
    design = np.column_stack(columns)
    penalty = np.zeros(len(columns))
    if shared_slope is not None:
        penalty[1] = SHRINKAGE * float(bent @ bent) / 4  # the information of so many even outcomes
    found = _logistic(design, points, penalty, shared_slope or 0.0)
    if found is None:
        return without(ONE_SIDED)
    coefficients, inverse = found
    level = design.copy()
    level[:, 1] = 0.0
    chance = special.expit(level @ coefficients)
    scores = design * (points - special.expit(design @ coefficients))[:, None]
    slopes = ((chance * (1 - chance))[:, None] * level).mean(axis=0)
    moved = len(points) * scores @ inverse
    influence = chance - chance.mean() + moved @ slopes
    return LengthControlled(
        win_rate=_estimate(float(chance.mean()), influence, codes, confidence, (0.0, 1.0)),
        raw=raw,
        slope=_estimate(float(coefficients[1]), moved[:, 1], codes, confidence),
        gap=gap,
        spread=spread,
        stretch=None if hard is None else float(coefficients[2]) / scale,
        observations=len(points),
    )


def _estimate(
    value: float,
    influence: FloatArray,
    codes: IntArray,
    confidence: float,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """A figure whose error is that of the mean of what each observation moves it by."""
    mean = clustered_mean(value + influence - influence.mean(), codes, confidence=confidence)
    if mean.interval is None:
        return Estimate(value, mean.standard_error, None, confidence, mean.note)
    low, high = mean.interval
    return Estimate(value, mean.standard_error, (max(low, bounds[0]), min(high, bounds[1])), confidence, mean.note)


def _logistic(
    design: FloatArray, points: FloatArray, penalty: FloatArray, centre: float
) -> tuple[FloatArray, FloatArray] | None:
    """Coefficients and the inverse of the penalised information; None where there is no finite maximum."""
    coefficients, towards = np.zeros(design.shape[1]), np.zeros(design.shape[1])
    towards[1] = centre
    for _ in range(MAX_STEPS):
        chance = special.expit(design @ coefficients)
        gradient = design.T @ (points - chance) - penalty * (coefficients - towards)
        information = (design.T * (chance * (1 - chance))) @ design + np.diag(penalty)
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, gradient)
        coefficients += step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            return coefficients, np.linalg.inv(information)
    return None


def shared_difficulty(models: ArrayLike, prompts: ArrayLike, preferences: ArrayLike, gaps: ArrayLike) -> Difficulty:
    """How hard each prompt is for all models (and what length does), from preferences (n,) for several of them.

    One regression of all preferences on the models' abilities, one slope of tanh(gap over its standard deviation, by
    model) and a normal effect of each prompt, whose variance is set by the data (empirical Bayes, with Laplace's
    approximation). Raises ValueError for bad arguments.
    """
    points, lengths = np.asarray(preferences, dtype=np.float64), np.asarray(gaps, dtype=np.float64)
    model_codes = cluster_codes(models, len(points), "models")
    labels, prompt_codes = np.unique(np.asarray(prompts), return_inverse=True)
    if len(prompt_codes) != len(points) or lengths.shape != points.shape:
        raise ValueError("each preference needs a prompt and a gap of lengths")
    if not np.all((points >= 0) & (points <= 1)) or not np.isfinite(lengths).all():
        raise ValueError("preferences must be between 0 and 1 and gaps finite: leave out rows without them")
    count = int(model_codes.max(initial=-1)) + 1
    bent = np.zeros_like(points)
    for model in range(count):
        own = model_codes == model
        spread = float(lengths[own].std(ddof=1)) if own.sum() > 1 else 0.0
        bent[own] = np.tanh(lengths[own] / spread) if spread > 1e-12 else 0.0
    design = np.zeros((len(points), count + 1))
    design[np.arange(len(points)), model_codes] = 1.0
    design[:, count] = bent
    variance, fixed, effects = 1.0, np.zeros(count + 1), np.zeros(len(labels))
    for _ in range(MAX_STEPS):
        fixed, effects, spreads = _mixed(design, prompt_codes, points, variance, fixed, effects)
        renewed = float(np.mean(effects**2 + spreads))
        if abs(renewed - variance) < 1e-6:
            break
        variance = renewed
    return Difficulty(labels, effects, float(fixed[count]), variance)


def _mixed(
    design: FloatArray, codes: IntArray, points: FloatArray, variance: float, fixed: FloatArray, effects: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fixed coefficients, the prompts' effects and their variances given the data, at a variance among prompts.

    The information of the effects is diagonal, so that only the fixed coefficients need a system of equations (the
    Schur complement).
    """
    prompts = len(effects)
    hold = 1e-6  # of the abilities, where a model won or lost everything
    for _ in range(MAX_STEPS):
        chance = special.expit(design @ fixed + effects[codes])
        weight, residual = chance * (1 - chance), points - chance
        own = np.bincount(codes, weight, prompts) + 1 / variance
        shared = np.column_stack([np.bincount(codes, weight * column, prompts) for column in design.T])
        of_fixed = design.T @ residual - hold * fixed
        of_effects = np.bincount(codes, residual, prompts) - effects / variance
        scaled = shared / own[:, None]
        complement = (design.T * weight) @ design + hold * np.eye(len(fixed)) - shared.T @ scaled
        step = np.linalg.solve(complement, of_fixed - scaled.T @ of_effects)
        effect_step = (of_effects - shared @ step) / own
        size = max(float(np.abs(step).max()), float(np.abs(effect_step).max()))
        fixed, effects = fixed + step / max(1.0, size), effects + effect_step / max(1.0, size)
        if size < 1e-8:
            break
    spreads = 1 / own + np.einsum("pf,fg,pg->p", scaled, np.linalg.inv(complement), scaled)
    return fixed, effects, spreads
