"""Rates: so many events in so much time."""

import math

from scipy.stats import chi2

from evaluation.statistics.estimates import Estimate, check_confidence


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
