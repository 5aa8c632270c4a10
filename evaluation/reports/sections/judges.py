"""Reward models in the raters' place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db.models import Count, Max

from evaluation.campaigns import responses_of
from evaluation.judging import Ballots, scores_by_judge
from evaluation.models import Campaign, Score
from evaluation.plots import RATE_TICKS, Dot, DotPlot, StackedBar, Whisker, fitted, sorting_value, stacked, why_missing
from evaluation.reports.lines import Line, Subject
from evaluation.reports.material import Material, leaderboard_of, meetings
from evaluation.reports.report import Report
from evaluation.reports.resampling import Resampled, Resampling
from evaluation.reports.section import Reading, Section, Source
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.bradley_terry import Leaderboard
from evaluation.statistics.estimates import Estimate, clustered_mean
from evaluation.statistics.preferences import WinRate, win_rate
from evaluation.wording import count, number, number_interval, percent, percent_interval


@dataclass(frozen=True)
class ModelScore:
    """The mean score that a reward model gives to a model's responses, clustered by prompt."""

    model: str
    responses: int
    score: Estimate


@dataclass(frozen=True)
class JudgedPair:
    first: str
    second: str
    by_item: WinRate


@dataclass(frozen=True)
class JudgeReport:
    """A reward model in the raters' place: of two responses it prefers the one that it scores higher.

    with_majority: how often it sides with the raters' majority, on items where both prefer one of the two.
    """

    judge: str
    items: int
    unscored: int
    pairs: tuple[JudgedPair, ...]
    leaderboard: Leaderboard
    scores: tuple[ModelScore, ...]
    with_majority: Estimate
    compared: int


def collect(campaign: Campaign) -> Mapping[str, Any]:
    """Scores as arrays, by judge and in the order of the responses."""
    found = {judge: dict(sorted(scores.items())) for judge, scores in scores_by_judge(campaign).items()}
    return {
        "judges": list(found),
        "responses": [np.array(list(scores), dtype=np.int64) for scores in found.values()],
        "values": [np.array(list(scores.values()), dtype=np.float64) for scores in found.values()],
    }


def fingerprint(campaign: Campaign) -> str:
    """A score is never changed, only added or removed with its model or response."""
    scores = Score.objects.filter(response__in=responses_of(campaign.project))
    by_judge = scores.values_list("model_version__name").annotate(Count("pk"), Max("pk"))
    return repr(sorted(by_judge))


def figures(material: Material) -> tuple[JudgeReport, ...]:
    found = material.extras["judges"]
    if not len(material.ballots):
        return ()
    return tuple(
        _judge(name, dict(zip(responses.tolist(), values.tolist(), strict=True)), material)
        for name, responses, values in zip(found["judges"], found["responses"], found["values"], strict=True)
    )


def _judge(name: str, scores: dict[int, float], material: Material) -> JudgeReport:
    """The reward model's preferences, laid out as the raters' are."""
    ballots, models, majority = material.ballots, material.models, material.majority
    sides = _sides(ballots, scores)
    both = (np.abs(sides) == 1) & (np.abs(majority) == 1)
    own = replace(ballots, votes=sides[:, None])
    return JudgeReport(
        judge=name,
        items=int(own.cast.sum()),
        unscored=int((~own.cast).sum()),
        pairs=tuple(
            JudgedPair(first, second, win_rate(between.votes[:, 0] * between.towards(first), between.prompts))
            for first, second, between in meetings(own, models)
        ),
        leaderboard=leaderboard_of(own, sides),
        scores=tuple(_mean_score(model, ballots.of(model), scores) for model in models),
        with_majority=win_rate((sides * majority)[both], ballots.prompts[both]).win,
        compared=int(both.sum()),
    )


def _mean_score(model: str, ballots: Ballots, scores: dict[int, float]) -> ModelScore:
    """Each response counts once, however many items compare it."""
    column = np.where(ballots.first == model, 0, 1)
    prompt_of = dict(zip(ballots.responses[np.arange(len(ballots)), column].tolist(), ballots.prompts, strict=True))
    scored = [response for response in prompt_of if response in scores]
    mean = clustered_mean([scores[key] for key in scored], [prompt_of[key] for key in scored])
    return ModelScore(model, len(scored), mean)


def title(judges: tuple[JudgeReport, ...], report: Report) -> str:
    return f"Judged by {judges[0].judge}" if len(judges) == 1 else "Judged by reward models"


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


def read(judges: tuple[JudgeReport, ...], report: Report) -> Reading:
    caveat = "A judge that agrees with people here may not agree with them about other models or other prompts."
    if len(judges) == 1:
        return Reading(read_judge(judges[0]), caveat)
    return Reading(f"{len(judges)} reward models stand in the raters' place, each held against the majority.", caveat)


def judge_bars(judge: JudgeReport) -> list[StackedBar]:
    return [stacked(pair.first, pair.second, pair.by_item) for pair in judge.pairs]


def score_plot(scores: Sequence[ModelScore]) -> DotPlot:
    scale, ticks = fitted([score.score for score in scores])
    rows = (
        Dot(
            label=score.model,
            n=score.responses,
            whisker=Whisker.of(score.score, scale),
            text=number(score.score.value),
            interval=number_interval(score.score),
            note=why_missing(score.score),
            sorts_by=sorting_value(score.score),
        )
        for score in scores
    )
    return DotPlot("Mean score", "answers", tuple(rows), ticks)


def drawn(judges: tuple[JudgeReport, ...], report: Report) -> Mapping[str, Any]:
    return {
        "judges": [(judge, judge_bars(judge), score_plot(judge.scores), read_judge(judge)) for judge in judges],
        "ticks": RATE_TICKS,
    }


def method(judges: tuple[JudgeReport, ...], report: Report) -> str:
    return (
        "Of two answers a reward model prefers the one that it scores higher. It is held against the raters' majority "
        "on the items where both prefer one of the two."
    )


def lines(judges: tuple[JudgeReport, ...], report: Report) -> Iterator[Line]:
    for judge in judges:
        yield Subject(judge.judge, "campaign").line("with_majority", judge.with_majority, judge.compared)
        for standing in judge.leaderboard.standings:
            rated = Subject(judge.judge, "leaderboard", standing.model)
            yield rated.line("elo", standing.rating, standing.battles)
        for judged in judge.pairs:
            yield from Subject(judge.judge, "pair", judged.first, judged.second).rates(judged.by_item)
        for score in judge.scores:
            yield Subject(judge.judge, "model", score.model).line("mean_score", score.score, score.responses)


def in_page(judges: tuple[JudgeReport, ...], report: Report) -> bool:
    """Reward models may score before anybody has judged."""
    return len(judges) > 0


def resample(resampling: Resampling) -> Iterator[Resampled]:
    material, found = resampling.material, resampling.material.extras["judges"]
    if not len(material.ballots):
        return
    for name, responses, values in zip(found["judges"], found["responses"], found["values"], strict=True):
        sides = _sides(material.ballots, dict(zip(responses.tolist(), values.tolist(), strict=True)))
        both = np.flatnonzero((np.abs(sides) == 1) & (np.abs(material.majority) == 1))
        below = resampling.sums.column(np.ones(len(both)), both)
        above = resampling.sums.column((sides * material.majority)[both] > 0, both)
        yield resampling.ratio(Subject(name, "campaign"), "with_majority", above, below, len(both))
        own = replace(material.ballots, votes=sides[:, None])
        yield from resampling.elo(name, leaderboard_of(own, sides), sides)
        for first, second, between in meetings(own, material.models):
            at = np.flatnonzero(own.meet(first, second))
            towards = between.votes[:, 0] * between.towards(first)
            yield from resampling.rates(Subject(name, "pair", first, second), towards, at)


def _sides(ballots: Ballots, scores: dict[int, float]) -> FloatArray:
    """(n,) which of an item's two responses has the higher score; NaN where one has none."""
    values = np.array([[scores.get(key, np.nan) for key in keys] for keys in ballots.responses.tolist()])
    return np.sign(values[:, 0] - values[:, 1])


SECTION = Section(
    key="judges",
    title=title,
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
    resample=resample,
    source=Source(collect, fingerprint),
    in_page=in_page,
)
