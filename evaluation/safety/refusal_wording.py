"""False refusals in words: how good the classifier is, and what that makes of its rates."""

from typing import Any

from evaluation.safety.refusals import SAFE_TO_ANSWER, RefusalReport
from evaluation.wording import percent


def read_refusals(found: RefusalReport) -> str:
    """The classifier's own measure, and the caveat of small rates."""
    accuracy, recall, specificity = (found.measured[name] for name in ("accuracy", "recall", "specificity"))
    what = "refusals, full or partial" if found.counted == "any" else "full refusals"
    said = (
        f"{found.classifier} tells {what} apart with accuracy {share(accuracy)}, finds {share(recall)} of them and "
        f"clears {share(specificity)} of other answers, by {found.measured_on}."
    )
    if specificity["accuracy"] is None or recall["accuracy"] is None:
        return f"{said} One of its two errors was never measured, so that its rates can't be corrected."
    alarms = 1 - specificity["accuracy"]
    below = [rate for rate in found.rates if rate.prompt_set in SAFE_TO_ANSWER and (rate.rate.value or 0.0) < alarms]
    if below:
        said += (
            f" Where it calls fewer than {percent(alarms, 1)} refusals, its false alarms alone explain them: the "
            "corrected rate is then near zero and its upper limit is what the data say, or nothing can be corrected."
        )
    return f"{said} The corrected rate assumes that it errs on these answers as it did on those."


def share(figure: dict[str, Any]) -> str:
    if figure["accuracy"] is None:
        return "an unknown share"
    return f"{percent(figure['accuracy'], 1)} (95 % interval {100 * figure['low']:.1f} to {100 * figure['high']:.1f})"
