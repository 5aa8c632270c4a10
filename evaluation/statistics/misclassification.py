"""What a share that a classifier counted says about the true share, given how often the classifier is wrong."""

import math
from dataclasses import dataclass

from evaluation.statistics.estimates import Estimate, check_confidence, normal_quantile

NOT_CARRIED_OVER = (
    "No true rate explains this: by the errors that were measured the classifier would be wrong more often. They were "
    "measured on answers of another kind; label some of these and measure on them."
)


@dataclass(frozen=True)
class Errors:
    """A classifier's outcomes on examples whose truth people told."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")

    @property
    def positives(self) -> int:
        """Examples that are positive in truth."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        return self.true_negatives + self.false_positives


def rogan_gladen(positives: float, trials: float, errors: Errors, confidence: float = 0.95) -> Estimate:
    """The true share behind `positives` of `trials` that a classifier calls positive (Rogan and Gladen, 1978).

    With sensitivity Se and specificity Sp as measured, (p + Sp - 1) / (Se + Sp - 1), kept between 0 and 1. The interval
    is that of Lang and Reiczigel (2014, Preventive Veterinary Medicine 113:13), which counts the uncertainty of Se and
    Sp too: each takes one success and one failure more, p takes z^2/2 of each, and the centre moves by
    2 z^2 (P Se(1-Se)/(n_Se+2) - (1-P) Sp(1-Sp)/(n_Sp+2)). Where all of it lies below 0 or above 1, the measured errors
    can't be those on these answers: undefined. trials may be an effective number, of clustered answers.
    """
    check_confidence(confidence)
    if not 0 <= positives <= trials:
        raise ValueError(f"positives must be between 0 and the {trials} trials, got {positives}")
    if trials == 0:
        return Estimate(None, None, None, confidence, "Nothing was counted yet.")
    if errors.positives == 0 or errors.negatives == 0:
        missing = "a refusal" if errors.positives == 0 else "an answer that is none"
        note = f"The classifier was measured on no example of {missing}, so that its errors are not known."
        return Estimate(None, None, None, confidence, note)
    sensitivity = errors.true_positives / errors.positives
    specificity = errors.true_negatives / errors.negatives
    if sensitivity + specificity <= 1:
        return Estimate(None, None, None, confidence, "The classifier is no better than chance: it tells nothing.")
    value = _corrected(positives / trials, sensitivity, specificity)
    z = normal_quantile(confidence)
    n, n_se, n_sp = trials + z * z, errors.positives + 2, errors.negatives + 2
    p = (positives + z * z / 2) / n
    se, sp = (errors.true_positives + 1) / n_se, (errors.true_negatives + 1) / n_sp
    centre = (p + sp - 1) / (se + sp - 1)
    of_se, of_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    shift = 2 * z * z * (centre * of_se - (1 - centre) * of_sp)
    error = math.sqrt(p * (1 - p) / n + centre**2 * of_se + (1 - centre) ** 2 * of_sp) / (se + sp - 1)
    low, high = (centre + shift + side * z * error for side in (-1, 1))
    if high <= 0 or low >= 1:
        return Estimate(None, None, None, confidence, NOT_CARRIED_OVER)
    return Estimate(min(max(value, 0.0), 1.0), error, (max(low, 0.0), min(high, 1.0)), confidence)


def _corrected(share: float, sensitivity: float, specificity: float) -> float:
    return (share + specificity - 1) / (sensitivity + specificity - 1)
