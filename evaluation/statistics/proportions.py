"""Plain proportions: so many out of so many independent trials."""

import math

from evaluation.statistics.estimates import Estimate, check_confidence, normal_quantile


def wilson(successes: float, trials: float, confidence: float = 0.95) -> Estimate:
    """A proportion with Wilson's score interval (Wilson, 1927), which holds for few trials and for 0 or all of them.

    With p the proportion of n trials and z the normal quantile, the interval is the set of true proportions
    that a score test does not reject: (p + z^2/2n -/+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    """
    check_confidence(confidence)
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be between 0 and the {trials} trials, got {successes}")
    if trials == 0:
        return Estimate(None, None, None, confidence, "Nothing was counted yet.")
    p = successes / trials
    z2 = normal_quantile(confidence) ** 2
    centre = p + z2 / (2 * trials)
    margin = math.sqrt(z2 * (p * (1 - p) / trials + z2 / (4 * trials**2)))
    shrink = 1 + z2 / trials
    # At 0 and 1 the bound is exact, and rounding must not push it over the edge.
    low = 0.0 if successes == 0 else (centre - margin) / shrink
    high = 1.0 if successes == trials else (centre + margin) / shrink
    return Estimate(p, math.sqrt(p * (1 - p) / trials), (low, high), confidence)
