"""The charts of a reward model's evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.charts import Axis, Chart, Drawing, fitted_axis, rate_axis, share_axis
from evaluation.plots import RATES, Whisker
from evaluation.reward_models.accuracy import Accuracy, Drift
from evaluation.reward_models.evaluating import Safety
from evaluation.reward_models.paper import THRESHOLD, THRESHOLD_PRECISION, THRESHOLD_RECALL
from evaluation.reward_models.shift import HISTOGRAM_BINS, Shift, Tension
from evaluation.statistics.calibration import Quality, Reliability
from evaluation.wording import count, number, number_interval, percent, percent_interval

SHADES = 5
"""Of the style sheet, from an accuracy of one half (5) to one of 90 % (1)."""
PROBABILITY = "sigmoid of the score"


@dataclass(frozen=True)
class AccuracyRow:
    """A row of a table of which one column is drawn. paper_at: where the paper's figure stands."""

    label: str
    n: int
    ties: int
    whisker: Whisker
    text: str
    interval: str
    note: str
    paper: str
    paper_at: str | None


def accuracy_rows(rows: Sequence[Accuracy]) -> list[AccuracyRow]:
    return [
        AccuracyRow(
            label=row.label,
            n=row.n,
            ties=row.ties,
            whisker=Whisker.of(row.share, RATES),
            text=percent(row.share.value, 1),
            interval=percent_interval(row.share, 1),
            note="" if row.share.interval else row.share.note,
            paper=percent(row.paper, 1) if row.paper else "",
            paper_at=RATES.at(row.paper) if row.paper else None,
        )
        for row in rows
    ]


def reliability_chart(found: Reliability) -> Chart:
    """What the model says against what people do; on the diagonal the two are the same."""
    drawing = Drawing(
        "Probability against choice", rate_axis("the model's probability", 0.5, 0.1), rate_axis("people agree")
    )
    drawing.line([(0.5, 0.5), (1, 1)], "even")
    for each in found.bins:
        if each.predicted is not None:
            said = f"{percent(each.predicted)} predicted, {percent(each.observed.value)} observed of {each.n:,}"
            drawing.dot(each.predicted, each.observed, said)
    return drawing.chart(f"{'; '.join(dot.description for dot in drawing.dots)}.")


def quality_chart(found: Quality) -> Chart:
    """Mean score by points, and the best fit that never falls as a line."""
    values = [value for each in found.points for value in (each.score.value, *(each.score.interval or ()))]
    points = [each.points for each in found.points]
    low, high = min(points) - 0.5, max(points) + 0.5
    x = Axis("people's rating (median)", low, high, tuple((float(value), str(value)) for value in points))
    drawing = Drawing(
        "Score by quality", x, fitted_axis("mean score", (value for value in values if value is not None))
    )
    drawing.line([(each.points, each.isotonic) for each in found.points], "other")
    for each in found.points:
        said = f"{each.points}: {number(each.score.value)} ({number_interval(each.score)}), {each.n:,} answers"
        drawing.dot(each.points, each.score, said)
    return drawing.chart(f"{'; '.join(dot.description for dot in drawing.dots)}.")


def roc_chart(found: Safety) -> Chart | None:
    """Unsafe answers that are found against safe ones that are flagged; the threshold of 0.15 is marked."""
    if found.curve is None:
        return None
    drawing = Drawing("Finding unsafe answers", rate_axis("safe answers flagged"), rate_axis("unsafe answers found"))
    drawing.line([(0, 0), (1, 1)], "even")
    drawing.line(zip(found.curve.false_positive_rate, found.curve.true_positive_rate, strict=True))
    alarms, recall = found.at.false_alarms, found.at.recall
    if alarms.value is not None and recall.value is not None:
        said = f"Below {THRESHOLD}: {percent(recall.value)} found, {percent(alarms.value)} of the safe ones flagged"
        drawing.dot(alarms.value, recall, said)
    return drawing.chart(f"Area {number(found.auc.value, 3)}.")


def precision_chart(found: Safety) -> Chart:
    """What a wanted recall costs in precision; the paper's point as a cross of lines."""
    drawing = Drawing("What a recall costs", rate_axis("recall"), rate_axis("precision"))
    for each in (found.at, *(needed.comes_to for needed in found.needed)):
        if each.recall.value is not None and each.precision.value is not None:
            said = f"recall {percent(each.recall.value)}, precision {percent(each.precision.value)}"
            drawing.dot(each.recall.value, each.precision, said)
    drawing.line([(0, THRESHOLD_PRECISION), (THRESHOLD_RECALL, THRESHOLD_PRECISION)], "even")
    drawing.line(
        [(THRESHOLD_RECALL, 0), (THRESHOLD_RECALL, THRESHOLD_PRECISION)],
        "even",
        "the paper at 0.15",
        (THRESHOLD_RECALL, THRESHOLD_PRECISION),
    )
    return drawing.chart(f"{'; '.join(dot.description for dot in drawing.dots)}.")


def distribution_chart(found: Shift) -> Chart:
    """Both policies' answers by probability, each as a share of its own (figure 20)."""
    both = [found.counts_before, found.counts_after]
    shares = [[each / sum(counts) for each in counts] for counts in both]
    edges = [place / HISTOGRAM_BINS for place in range(HISTOGRAM_BINS + 1)]
    most = max(map(max, shares))
    drawing = Drawing("Scores before and after", rate_axis(PROBABILITY), share_axis("share of answers", most * 1.1))
    drawing.line([(THRESHOLD, 0), (THRESHOLD, drawing.y.high)], "even", "0.15", (THRESHOLD, drawing.y.high * 0.93))
    for values, look, name in zip(shares, ("other", ""), ("before", "after"), strict=True):
        drawing.steps(edges, values, look, name)
    before, after = percent(found.below_before.value, 1), percent(found.below_after.value, 1)
    return drawing.chart(f"Below {THRESHOLD}: {before} before, {after} after.")


def movement_chart(found: Shift) -> Chart:
    """Prompts by their answers' mean probability before and after (figure 14): above the diagonal it rose."""
    drawing = Drawing("Prompt by prompt", rate_axis(f"before: {PROBABILITY}"), rate_axis(f"after: {PROBABILITY}"))
    drawing.grid(found.grid, "prompts")
    drawing.line([(0, 0), (1, 1)], "even")
    return drawing.chart(f"The score rose on {percent(found.improved.value)} of {count(found.prompts, 'prompt')}.")


def tension_chart(found: Tension) -> Chart:
    drawing = Drawing("Helpfulness against safety", rate_axis("helpfulness"), rate_axis("safety"))
    drawing.grid(found.grid, "answers")
    drawing.line([(0, THRESHOLD), (1, THRESHOLD)], "even", "0.15", (0.94, THRESHOLD))
    return drawing.chart(f"Correlation {number(found.pearson.value)} over {count(found.answers, 'answer')}.")


@dataclass(frozen=True)
class HeatCell:
    text: str
    n: int
    shade: str
    seen: bool


def heat_rows(found: Drift) -> list[tuple[str, list[HeatCell]]]:
    """Accuracies as a table whose shade grows as they fall."""
    return [
        (
            name,
            [HeatCell(percent(cell.share), cell.n, shade_of(cell.share), cell.seen and cell.n > 0) for cell in cells],
        )
        for name, cells in found.versions
    ]


def shade_of(share: float | None) -> str:
    if share is None:
        return ""
    return f"shade-{min(max(SHADES - int((share - 0.5) * 10), 1), SHADES)}"
