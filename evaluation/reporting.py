"""The report of a campaign: who wins how often, how far the raters agree, and what reward models say to it.

Figures come from `evaluation.statistics`. Each has its interval and, where it is undefined, a note in words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from annotation.models import Assignment, Project
from evaluation.judging import Ballots, Collected, collect, scores_by_judge
from evaluation.models import Campaign
from evaluation.statistics.agreement import Agreement, gwet
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.bradley_terry import Leaderboard, bradley_terry
from evaluation.statistics.estimates import Estimate, clustered_mean
from evaluation.statistics.preferences import WinRate, majority_side, win_rate
from evaluation.statistics.proportions import wilson

SEVEN_POINT_SCALE = (-3, -2, -1, 0, 1, 2, 3)
SIDES = (-1, 0, 1)


@dataclass(frozen=True)
class Reliability:
    """How far the raters agree: AC2 with quadratic weights, and AC1, for which only equal ratings agree."""

    ac2: Agreement
    ac1: Agreement


@dataclass(frozen=True)
class PairReport:
    """`first` against `second`, who stands lower on the leaderboard.

    prompts: those with a vote. by_item: by the majority of an item's votes.
    """

    first: str
    second: str
    items: int
    prompts: int
    votes: int
    by_item: WinRate
    by_vote: WinRate
    reliability: Reliability


@dataclass(frozen=True)
class SliceReport:
    """`model` against all others on the prompts that share a label."""

    kind: str
    label: str
    model: str
    items: int
    prompts: int
    votes: int
    by_item: WinRate
    ac2: Agreement


@dataclass(frozen=True)
class Bin:
    """Votes of one strength: 3 is much better for the higher-ranked of two models, -3 much worse, 0 the same."""

    strength: int
    votes: int


@dataclass(frozen=True)
class Durations:
    """Seconds that a judgement took; None where no time was taken."""

    votes: int
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None


@dataclass(frozen=True)
class RaterReport:
    """with_majority: of their votes on items where more than half of two votes or more, theirs among them, agree."""

    rater: str
    votes: int
    with_majority: Estimate
    left_share: Estimate
    seconds: Durations


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


@dataclass(frozen=True)
class Report:
    """Everything that the report page, the command and the downloads show. Rates are parts of 1.

    graded: votes have seven points; otherwise each is a side alone. judged: items with a vote or more. complete:
    items that have all votes. left_share: of the votes for one of two answers, those for the answer on the left.
    """

    campaign: str
    name: str
    dimension: str
    made_at: str
    raters_per_item: int
    graded: bool
    imported: bool
    items: int
    judged: int
    complete: int
    left_out: int
    prompts: int
    votes: int
    places: int
    unusable: int
    models: tuple[str, ...]
    leaderboard: Leaderboard
    pairs: tuple[PairReport, ...]
    reliability: Reliability
    slices: tuple[SliceReport, ...]
    """The best model against all others; the first slice holds all prompts."""
    histogram: tuple[Bin, ...]
    seconds: Durations
    left_share: Estimate
    raters: tuple[RaterReport, ...]
    judges: tuple[JudgeReport, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def report(campaign: Campaign) -> Report:
    """The campaign as it stands now; an empty or half-finished one makes a report whose notes say what is missing."""
    collected = collect(campaign)
    ballots = collected.ballots
    leaderboard = _leaderboard(ballots, majority_side(ballots.sides))
    models = _ranked(leaderboard, ballots, campaign)
    return Report(
        campaign=campaign.slug,
        name=campaign.name,
        dimension=campaign.project.dimension,
        made_at=timezone.now().isoformat(timespec="seconds"),
        raters_per_item=campaign.project.overlap,
        graded=collected.graded,
        imported=collected.imported,
        items=len(ballots),
        judged=int(ballots.cast.any(axis=1).sum()),
        complete=collected.complete,
        left_out=collected.left_out,
        prompts=len(np.unique(ballots.prompts)),
        votes=int(ballots.cast.sum()),
        places=collected.places,
        unusable=collected.unusable,
        models=models,
        leaderboard=leaderboard,
        pairs=tuple(_pair(*pair, collected.graded) for pair in _pairs(ballots, models)),
        reliability=_reliability(ballots.votes, collected.graded),
        slices=tuple(_slices(collected, models)),
        histogram=_histogram(collected, models),
        seconds=_durations(ballots.seconds),
        left_share=_left_share(ballots, ballots.cast),
        raters=tuple(_raters(ballots, campaign.project)),
        judges=tuple(
            _judge(name, scores, ballots, models) for name, scores in scores_by_judge(campaign).items() if len(ballots)
        ),
    )


def _leaderboard(ballots: Ballots, sides: FloatArray) -> Leaderboard:
    """From one side (n,) for each item, so that an item counts once however many raters it had."""
    judged = ~np.isnan(sides)
    return bradley_terry(
        ballots.first[judged], ballots.second[judged], (sides[judged] + 1) / 2, clusters=ballots.prompts[judged]
    )


def _ranked(leaderboard: Leaderboard, ballots: Ballots, campaign: Campaign) -> tuple[str, ...]:
    """All models, best first; those without a judgement last, by name."""
    standing = [standing.model for standing in leaderboard.standings]
    if all(standing.rating.value is None for standing in leaderboard.standings):
        # One wins everything: no rating is finite, and yet it is the best.
        standing.sort(key=lambda model: -_points_taken(ballots.of(model), model))
    names = {*campaign.model_versions.values_list("name", flat=True), *ballots.first.tolist(), *ballots.second.tolist()}
    return (*standing, *sorted(names.difference(standing)))


def _points_taken(ballots: Ballots, model: str) -> float:
    """The mean, from -1 to 1, of what the majorities of the judged items of a model say about it."""
    return float(np.nanmean(majority_side(ballots.sides) * ballots.towards(model)))


def _pairs(ballots: Ballots, models: Sequence[str]) -> Iterator[tuple[str, str, Ballots]]:
    """Every two models that meet, the better one first."""
    for first, second in combinations(models, 2):
        between = ballots.between(first, second)
        if len(between):
            yield first, second, between


def _pair(first: str, second: str, ballots: Ballots, graded: bool) -> PairReport:
    votes = ballots.votes * ballots.towards(first)[:, None]
    return PairReport(
        first=first,
        second=second,
        items=len(ballots),
        prompts=_judged_prompts(ballots),
        votes=int(ballots.cast.sum()),
        by_item=win_rate(votes, ballots.prompts),
        by_vote=win_rate(votes, ballots.prompts, rule="vote"),
        reliability=_reliability(votes, graded),
    )


def _reliability(votes: FloatArray, graded: bool) -> Reliability:
    categories = SEVEN_POINT_SCALE if graded else SIDES
    return Reliability(
        ac2=gwet(votes, weights="quadratic", categories=categories),
        ac1=gwet(votes, weights="identity", categories=categories),
    )


def _slices(collected: Collected, models: Sequence[str]) -> Iterator[SliceReport]:
    """The best model against all others: on all prompts, by turn type, by category; the largest slice first."""
    if not len(collected.ballots):
        return
    leader = models[0]
    ballots = collected.ballots.of(leader)
    everything = {"all": np.full(len(ballots), "all prompts")}
    for kind, labels in (everything | dict(ballots.labels)).items():
        names, counts = np.unique(labels[labels != ""], return_counts=True)
        for label in names[np.lexsort((names, -counts))].tolist():
            part = ballots.where(labels == label)
            votes = part.votes * part.towards(leader)[:, None]
            yield SliceReport(
                kind=kind,
                label=label,
                model=leader,
                items=len(part),
                prompts=_judged_prompts(part),
                votes=int(part.cast.sum()),
                by_item=win_rate(votes, part.prompts),
                ac2=_reliability(votes, collected.graded).ac2,
            )


def _judged_prompts(ballots: Ballots) -> int:
    return len(np.unique(ballots.prompts[ballots.cast.any(axis=1)]))


def _histogram(collected: Collected, models: Sequence[str]) -> tuple[Bin, ...]:
    ballots = collected.ballots
    rank = {model: place for place, model in enumerate(models)}
    first_is_better = np.array([rank[a] < rank[b] for a, b in zip(ballots.first, ballots.second, strict=True)])
    votes = np.where(first_is_better, 1, -1).reshape(-1, 1) * ballots.votes
    scale = SEVEN_POINT_SCALE if collected.graded else SIDES
    return tuple(Bin(strength, int(np.sum(votes == strength))) for strength in reversed(scale))


def _durations(seconds: FloatArray) -> Durations:
    taken = seconds[~np.isnan(seconds)]
    if taken.size == 0:
        return Durations(0, None, None, None)
    lower, median, upper = np.quantile(taken, (0.25, 0.5, 0.75)).tolist()
    return Durations(int(taken.size), lower, median, upper)


def _left_share(ballots: Ballots, chosen: NDArray[np.bool_]) -> Estimate:
    """Of the chosen votes (n, r) that prefer an answer, the share for the one on the left, as A."""
    decisive = chosen & ballots.cast & (ballots.votes != 0)
    left = decisive & ((ballots.votes > 0) == ballots.first_on_left)
    return wilson(int(left.sum()), int(decisive.sum()))


def _raters(ballots: Ballots, project: Project) -> Iterator[RaterReport]:
    """Each rater with a vote, by name."""
    sides = ballots.sides
    majority = majority_side(sides)
    agreed = 2 * np.sum(sides == majority[:, None], axis=1) > ballots.cast.sum(axis=1)
    shared = (agreed & (ballots.cast.sum(axis=1) > 1))[:, None]
    people = Assignment.objects.filter(item__project=project, annotator__isnull=False)
    named = people.values_list("annotator", "annotator__username").order_by("annotator__username").distinct()
    for key, name in named:
        own = ballots.raters == key
        if not own.any():
            continue
        yield RaterReport(
            rater=name,
            votes=int(own.sum()),
            with_majority=wilson(int(np.sum(own & shared & (sides == majority[:, None]))), int(np.sum(own & shared))),
            left_share=_left_share(ballots, own),
            seconds=_durations(ballots.seconds[own]),
        )


def _judge(name: str, scores: dict[int, float], ballots: Ballots, models: Sequence[str]) -> JudgeReport:
    """The reward model's preferences, laid out as the raters' are."""
    values = np.array([[scores.get(key, np.nan) for key in keys] for keys in ballots.responses.tolist()])
    sides = np.sign(values[:, 0] - values[:, 1])
    majority = majority_side(ballots.sides)
    both = (np.abs(sides) == 1) & (np.abs(majority) == 1)
    own = replace(ballots, votes=sides[:, None])
    return JudgeReport(
        judge=name,
        items=int(own.cast.sum()),
        unscored=int((~own.cast).sum()),
        pairs=tuple(
            JudgedPair(first, second, win_rate(between.votes[:, 0] * between.towards(first), between.prompts))
            for first, second, between in _pairs(own, models)
        ),
        leaderboard=_leaderboard(own, sides),
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
