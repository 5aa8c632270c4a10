"""Rates: so many events in so much time."""

import math
from dataclasses import dataclass

from scipy.stats import binom, chi2

from evaluation.statistics.estimates import Estimate, check_confidence
from evaluation.statistics.exact_proportions import clopper_pearson


def poisson_rate(events: int, exposure: float, confidence: float = 0.95) -> Estimate:
    """Events per unit of exposure with the exact interval for a Poisson count (Garwood, 1936).

    With k events the interval of the expected count runs from half the alpha/2 quantile of chi-squared with 2k degrees
    of freedom to half the 1 - alpha/2 quantile with 2k + 2. The standard error is sqrt(k) per exposure.
    """
    check_confidence(confidence)
    if events < 0:
        raise ValueError(f"events must be 0 or more, got {events}")
    if not (exposure >= 0 and math.isfinite(exposure)):
        raise ValueError(f"exposure must be a finite number from 0 up, got {exposure}")
    if exposure == 0:
        return Estimate(None, None, None, confidence, "No time was counted yet.")
    tail = (1 - confidence) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    high = float(chi2.ppf(1 - tail, 2 * events + 2)) / 2
    return Estimate(events / exposure, math.sqrt(events) / exposure, (low / exposure, high / exposure), confidence)


@dataclass(frozen=True)
class RateRatio:
    """One rate over another. value, low, high: None where undefined or without a bound, and then `note` says why.

    p_value: two-sided and exact, of equal rates; None where no event was seen.
    """

    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    confidence: float
    note: str = ""


def rate_ratio(
    events: int, exposure: float, other_events: int, other_exposure: float, confidence: float = 0.95
) -> RateRatio:
    """(events / exposure) over (other_events / other_exposure), both Poisson, with the exact conditional interval.

    Given their sum, the first count is binomial with probability theta = R t / (R t + t'), R being the ratio and t, t'
    the exposures (Przyborowski and Wilenski, 1940). Clopper-Pearson limits of theta give those of R. Raises ValueError
    for a negative count or an exposure that is no finite number above or equal to 0.
    """
    first, other = poisson_rate(events, exposure, confidence), poisson_rate(other_events, other_exposure, confidence)
    if first.value is None or other.value is None:
        return RateRatio(None, None, None, None, confidence, "One of the two has no time yet: no rate to compare.")
    total = events + other_events
    if total == 0:
        return RateRatio(None, None, None, None, confidence, "Neither has an event: their ratio is not defined.")
    interval = clopper_pearson(events, total, confidence).interval
    assert interval  # noqa: S101 - total is above 0
    scale = other_exposure / exposure
    low = scale * interval[0] / (1 - interval[0])
    high = scale * interval[1] / (1 - interval[1]) if interval[1] < 1 else None
    share = exposure / (exposure + other_exposure)
    below, above = float(binom.cdf(events, total, share)), float(binom.sf(events - 1, total, share))
    note = "The other has no event: the ratio has a lower bound alone." if other_events == 0 else ""
    value = first.value / other.value if other.value else None
    return RateRatio(value, low, high, min(1.0, 2 * min(below, above)), confidence, note)
