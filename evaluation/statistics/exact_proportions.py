"""Exact limits of proportions, above all what can be said where nothing was found in n trials."""

from scipy.stats import beta

from evaluation.statistics.estimates import Estimate, check_confidence


def clopper_pearson(successes: float, trials: float, confidence: float = 0.95) -> Estimate:
    """A proportion with the exact interval of Clopper and Pearson (1934), whose coverage is never below nominal.

    The limits are quantiles of beta distributions: alpha/2 of Beta(x, n-x+1) and 1 - alpha/2 of Beta(x+1, n-x).
    """
    check_confidence(confidence)
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be between 0 and the {trials} trials, got {successes}")
    if trials == 0:
        return Estimate(None, None, None, confidence, "Nothing was counted yet.")
    p, tail = successes / trials, (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    return Estimate(p, (p * (1 - p) / trials) ** 0.5, (low, high), confidence)


def upper_bound_of_none(trials: float, confidence: float = 0.95) -> float:
    """The largest rate that none in n trials does not exclude: where (1 - rate)^n is still 1 - confidence.

    The exact one-sided bound, 1 - (1 - confidence)^(1/n). The rule of three, 3/n, is its approximation for 95 % and
    many trials (Hanley and Lippman-Hand, 1983). Raises ValueError for fewer than one trial.
    """
    check_confidence(confidence)
    if trials < 1:
        raise ValueError(f"trials must be 1 or more, got {trials}")
    return float(1 - (1 - confidence) ** (1 / trials))
