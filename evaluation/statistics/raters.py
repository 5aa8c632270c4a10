"""Agreement rater by rater: how far each agrees with the others, and what the agreement would be without them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.statistics.agreement import Agreement, gwet
from evaluation.statistics.arrays import FloatArray, IntArray, Table
from evaluation.statistics.estimates import Estimate, check_confidence, clustered_mean
from evaluation.statistics.patterns import MISSING, Patterns, Ratings, Scale, encode
from evaluation.statistics.weights import UndefinedWeightsError, weight_matrix


@dataclass(frozen=True)
class RaterAgreement:
    """One rater against the others.

    ratings: theirs. with_others: the mean weight between a rating of theirs and each other rating of the same item, not
    corrected for chance; its error lets ratings of the same cluster depend on each other. own: the coefficient of the
    items that they rated, all raters' ratings taken. without: the coefficient of all items, their ratings left out.
    difference: what leaving them out changes; above 0 the others agree better without them. None where undefined.
    """

    rater: object
    ratings: int
    with_others: Estimate
    own: Agreement
    without: Agreement
    difference: float | None


def leave_one_out(
    ratings: Table,
    raters: ArrayLike | None = None,
    coefficient: Callable[..., Agreement] = gwet,
    weights: str | ArrayLike = "identity",
    categories: Sequence[object] | None = None,
    clusters: ArrayLike | None = None,
    confidence: float = 0.95,
) -> list[RaterAgreement]:
    """Every rater's agreement with the others, in the order of their labels.

    ratings: items x places, NaN where missing. raters: who filled each place, labels shaped like the ratings; each
    column is one rater (0, 1, ...) when omitted. clusters: one label for each item, each item its own when omitted.
    coefficient: one that takes patterns of counts, which is any but Conger's. Other arguments as of `agreement.gwet`.
    Raises ValueError for bad arguments.
    """
    check_confidence(confidence)
    encoded = encode(ratings, categories)
    codes, present = encoded.codes, encoded.codes != MISSING
    people = _labels(raters, codes)
    matrix = _weights(weights, encoded.scale)
    everybody = coefficient(Patterns.from_codes(encoded), weights, confidence=confidence)
    items = np.arange(len(codes)) if clusters is None else np.asarray(clusters)
    found = []
    for rater in np.unique(people[present]).tolist():
        theirs = present & (people == rater)
        touched = theirs.any(axis=1)
        without = coefficient(_without(encoded, theirs), weights, confidence=confidence)
        both = None not in (without.value, everybody.value)
        found.append(
            RaterAgreement(
                rater,
                int(theirs.sum()),
                _with_others(codes[touched], theirs[touched], matrix, items[touched], confidence),
                coefficient(
                    Patterns.from_codes(Ratings(codes[touched], encoded.scale)), weights, confidence=confidence
                ),
                without,
                (without.value or 0.0) - (everybody.value or 0.0) if both else None,
            )
        )
    return found


def _labels(raters: ArrayLike | None, codes: IntArray) -> NDArray[np.generic]:
    people = np.broadcast_to(np.arange(codes.shape[1]), codes.shape) if raters is None else np.asarray(raters)
    if people.shape != codes.shape:
        raise ValueError(f"raters must be labels shaped like the ratings, {codes.shape}, got {people.shape}")
    return people


def _weights(weights: str | ArrayLike, scale: Scale) -> FloatArray | None:
    try:
        return weight_matrix(weights, scale.values)
    except UndefinedWeightsError:  # the coefficients' notes explain it
        return None


def _without(encoded: Ratings, theirs: NDArray[np.bool_]) -> Patterns:
    return Patterns.from_codes(Ratings(np.where(theirs, MISSING, encoded.codes), encoded.scale))


def _with_others(
    codes: IntArray,
    theirs: NDArray[np.bool_],
    weights: FloatArray | None,
    clusters: NDArray[np.generic],
    confidence: float,
) -> Estimate:
    if weights is None:
        return Estimate(None, None, None, confidence, "These weights have no meaning on this scale.")
    item, place = np.nonzero(theirs)
    own = codes[item, place]
    others = np.where(theirs, MISSING, codes)[item]  # (ratings, places)
    judged = others != MISSING
    shared = judged.any(axis=1)
    if not shared.any():
        return Estimate(None, None, None, confidence, "Nobody else rated an item that they rated.")
    alike = np.where(judged, weights[own[:, None], others], 0).sum(axis=1)[shared] / judged.sum(axis=1)[shared]
    mean = clustered_mean(alike, clusters[item][shared], confidence=confidence)
    if mean.interval is None:
        return mean
    return replace(mean, interval=(max(mean.interval[0], 0.0), min(mean.interval[1], 1.0)))
