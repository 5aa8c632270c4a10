"""The report in words: its headline, how to read each figure, and figures as text. Rates come as parts of 1."""

from evaluation.reporting import JudgeReport, PairReport, Report, SliceReport
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


def count(amount: int, one: str, many: str = "") -> str:
    """ "1 item", "2 items"."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def headline(report: Report) -> str:
    """What the campaign found, in one sentence."""
    if report.items == 0:
        return "There are no pairs of answers to judge yet."
    if report.votes == 0:
        return "Nobody has judged a pair yet."
    best = report.slices[0]
    rates = best.by_item
    others = report.models[1] if len(report.models) == 2 else f"the other {len(report.models) - 1} models"
    share = f"in {percent(rates.win.value)} of items (95 % interval {percent_interval(rates.win)})"
    if is_decided(best):
        return f"{best.model} beats {others} {share}."
    few = f", on {count(best.prompts, 'prompt')} alone" if best.prompts < FEW_CLUSTERS else ""
    return f"{best.model} and {others} can't be told apart yet{few}: {best.model} is preferred {share}."


def is_decided(part: PairReport | SliceReport) -> bool:
    """Whether one side is ahead by more than chance explains: the interval of the win rate, ties half, holds no half.

    Intervals from a few prompts are too narrow to decide anything.
    """
    interval = part.by_item.win_rate.interval
    return interval is not None and part.prompts >= FEW_CLUSTERS and not interval[0] <= 0.5 <= interval[1]


def beneath_the_headline(report: Report) -> str:
    """Losses and ties, and how much of the work the report rests on."""
    if report.items == 0:
        return "They appear here when the answers are sampled, or when a file of judgements is imported."
    if report.votes == 0:
        return f"{count(report.items, 'pair waits', 'pairs wait')} for {count(report.raters_per_item, 'rater')} each."
    best = report.slices[0]
    rates = best.by_item
    lost = f"It loses in {percent(rates.loss.value)} and ties in {percent(rates.tie.value)}."
    if report.votes + report.unusable >= report.places:
        done = f"All {count(report.items, 'item')} on {count(report.prompts, 'prompt')} are fully judged."
    else:
        done = (
            f"Not finished: {report.complete:,} of {count(report.items, 'item')} have all their judgements and "
            f"{report.judged:,} have one or more; what follows rests on these."
        )
    few = f" Only {best.prompts} prompts: intervals are likely to be too narrow." if best.prompts < FEW_CLUSTERS else ""
    return f"{lost} {done}{few}"


def read_pairs(report: Report) -> str:
    decided = sum(is_decided(pair) for pair in report.pairs)
    return (
        f"Decided pairs: {decided} of {len(report.pairs)}, by a whisker that stays clear of one half on {FEW_CLUSTERS} "
        "prompts or more. The dot is the win rate with ties as half a win."
    )


def read_leaderboard(report: Report) -> str:
    rated = [standing for standing in report.leaderboard.standings if standing.rating.value is not None]
    if len(rated) < 2:
        return "Ratings need two models that have won points from each other."
    best, second = rated[0], rated[1]
    ahead = (best.rating.value or 0) - (second.rating.value or 0)
    expected = 1 / (1 + 10 ** (-ahead / 400))
    return (
        f"{best.model} stands {ahead:.0f} Elo above {second.model}: it is expected to win {percent(expected)} of their "
        "comparisons. Only differences mean anything; the mean is 1000."
    )


def read_histogram(report: Report) -> str:
    """Where the votes lie, and how strongly people felt."""
    votes = max(report.votes, 1)
    ties = sum(bar.votes for bar in report.histogram if bar.strength == 0)
    if not report.graded:
        return f"Raters only chose a side, not how much better it is; {percent(ties / votes)} of votes are ties."
    strong = sum(bar.votes for bar in report.histogram if abs(bar.strength) == 3)
    return f"{percent(strong / votes)} of votes say much better, {percent(ties / votes)} about the same."


def read_agreement(report: Report) -> str:
    ac2 = report.reliability.ac2
    if ac2.value is None:
        return ac2.note
    low, high = REPORTED_IN_THE_PAPER
    figure = f"AC2 over all items is {number(ac2.value)} (95 % interval {number_interval(ac2)})"
    if not report.graded:
        return f"{figure}, where votes name a side or a tie; the Llama 2 paper's {low} to {high} is for seven points."
    paper = f"the {low} to {high} that the Llama 2 paper reports on the same scale"
    if ac2.interval is None or (ac2.interval[0] <= high and ac2.interval[1] >= low):
        return f"{figure}, which agrees with {paper}."
    return f"{figure}: {'above' if ac2.value > high else 'below'} {paper}."


def read_slices(report: Report) -> str:
    """The multiple-comparisons caveat belongs to every forest plot."""
    labelled = [part for part in report.slices if part.kind != "all"]
    if not labelled:
        return "The prompts carry no labels to tell them apart by."
    small = sum(part.items < SMALL for part in labelled)
    return (
        f"Of {count(len(labelled), 'slice')}, {small} rest{'s' if small == 1 else ''} on fewer than {SMALL} items and "
        f"{'is' if small == 1 else 'are'} only a hint. Of 20 intervals one misses by chance."
    )


def read_sides(report: Report) -> str:
    """Whether position decided votes: without a side bias the interval holds one half."""
    share = report.left_share
    if share.value is None or share.interval is None:
        return "No vote has preferred one of two answers yet."
    said = f"The left answer got {percent(share.value)} of the decisive votes (95 % interval {percent_interval(share)})"
    if report.imported:
        return f"{said}. The imported file set the sides, not chance, so this says nothing about a bias."
    low, high = share.interval
    verdict = "no sign of a side bias" if low <= 0.5 <= high else "more than chance explains: a side bias"
    return f"{said}: {verdict}."


def read_judge(judge: JudgeReport) -> str:
    """How far the reward model can stand for the raters."""
    agrees = judge.with_majority
    if agrees.value is None:
        said = "It can't be compared with the raters yet: no item has both a score and a majority"
    else:
        bounds = f" (95 % interval {percent_interval(agrees)})" if agrees.interval else ""
        said = (
            f"It sides with the raters' majority in {percent(agrees.value)} of {count(judge.compared, 'item')}{bounds}"
        )
    missing = f" {count(judge.unscored, 'item has', 'items have')} no scores yet." if judge.unscored else ""
    return f"{said}.{missing}"
