"""Figures as text. Rates come as parts of 1."""

from evaluation.statistics.agreement import Agreement
from evaluation.statistics.estimates import FEW_CLUSTERS, Estimate

TO = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
NONE = TO
SMALL = 30  # prompts below which an interval is so wide that a slice is no more than a hint

STRENGTHS = {3: "much better", 2: "better", 1: "slightly better", 0: "about the same"}
REPORTED_IN_THE_PAPER = (0.37, 0.55)  # AC2 of the Llama 2 paper's helpfulness evaluation, section 3.4.2


def percent(value: float | None, decimals: int = 0) -> str:
    return NONE if value is None else f"{100 * value:.{decimals}f} %"


def percent_interval(estimate: Estimate, decimals: int = 0) -> str:
    if estimate.interval is None:
        return NONE
    low, high = estimate.interval
    return f"{100 * low:.{decimals}f}{TO}{100 * high:.{decimals}f}"


def number(value: float | None, decimals: int = 2) -> str:
    """With a true minus sign, and never as minus zero."""
    if value is None:
        return NONE
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def number_interval(figure: Estimate | Agreement, decimals: int = 2) -> str:
    if figure.interval is None:
        return NONE
    low, high = figure.interval
    return f"{number(low, decimals)} to {number(high, decimals)}"


def sure(p_value: float | None) -> str:
    """A p-value as text: "0.031", "< 0.001"."""
    if p_value is None:
        return NONE
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def count(amount: int, one: str, many: str = "") -> str:
    """ "1 item", "2 items"."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def is_decided(win_rate: Estimate, prompts: int) -> bool:
    """Whether one side is ahead by more than chance explains: the interval of the win rate, ties half, holds no half.

    Intervals from a few prompts are too narrow to decide anything.
    """
    interval = win_rate.interval
    return interval is not None and prompts >= FEW_CLUSTERS and not interval[0] <= 0.5 <= interval[1]
