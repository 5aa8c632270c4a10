"""How far people agree: of a campaign, of a project of any rated task, of a file; in all, by part and by rater."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from django.contrib.auth import get_user_model
from django.db.models import Count, F, Q
from numpy.typing import ArrayLike, NDArray

from annotation.models import Item, Preference, Project, Rating
from evaluation.judging import NOBODY, Ballots, collect
from evaluation.models import Campaign
from evaluation.statistics.agreement import COEFFICIENTS, Agreement
from evaluation.statistics.arrays import FloatArray, Table
from evaluation.statistics.patterns import Contingency, Patterns
from evaluation.statistics.raters import RaterAgreement, leave_one_out
from evaluation.statistics.resampling import Bootstrap, bootstrap

SEVEN_POINT_SCALE = (-3, -2, -1, 0, 1, 2, 3)
SIDES = (-1, 0, 1)
Labels = Mapping[str, NDArray[np.str_]]


class NotRatedError(ValueError):
    """There is nothing that several raters could agree about, or not in the way asked for; the message says why."""


@dataclass(frozen=True, eq=False)
class Rated:
    """Ratings with what is known about them. Of counts and of a table of two raters only the totals are known.

    ratings: items x places. categories: the whole scale; None where only what occurs is known. raters: who filled each
    place, "" for nobody; None where each column is a rater. clusters: of the items, which may depend on each other
    within one. labels: of the items, "" where unknown, by kind.
    """

    name: str
    ratings: Table | Patterns | Contingency
    categories: Sequence[object] | None = None
    raters: NDArray[np.str_] | None = None
    columns: tuple[str, ...] = ()
    clusters: NDArray[Any] | None = None
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is asked of ratings: which coefficient with which weights; see `statistics.agreement.gwet`."""

    coefficient: str = "gwet"
    weights: str | ArrayLike = "identity"
    population: float | None = None
    confidence: float = 0.95


def agreement(rated: Rated, asked: Question) -> Agreement:
    """Raises NotRatedError where the coefficient needs to know who said what, and it is not known; else as `gwet`."""
    form = _form(rated, asked.coefficient)
    categories = None if isinstance(form, Patterns | Contingency) else rated.categories
    return COEFFICIENTS[asked.coefficient](form, asked.weights, categories, asked.population, asked.confidence)


def by_label(rated: Rated, kind: str, asked: Question) -> list[tuple[str, Agreement]]:
    """The agreement on the items of each label of one kind, the largest part first."""
    if kind not in rated.labels:
        known = ", ".join(rated.labels) or "nothing"
        raise NotRatedError(f'{rated.name} can\'t be divided by "{kind}": its items are told apart by {known}.')
    labels = rated.labels[kind]
    names, counts = np.unique(labels[labels != ""], return_counts=True)
    if not len(names):
        raise NotRatedError(f"No item of {rated.name} has a {kind}.")
    scale = rated.categories or _categories_of(rated.ratings)
    parts = []
    for name in names[np.lexsort((names, -counts))].tolist():
        there = labels == name
        part = Rated(
            name,
            np.asarray(rated.ratings)[there],
            scale,
            None if rated.raters is None else rated.raters[there],
            rated.columns,
        )
        # A part is no sample of its own from the population that was named for the whole.
        parts.append((name, agreement(part, Question(asked.coefficient, asked.weights, None, asked.confidence))))
    return parts


def by_rater(rated: Rated, asked: Question) -> list[RaterAgreement]:
    """Every rater with and without the others."""
    if isinstance(rated.ratings, Patterns | Contingency):
        raise NotRatedError("Counts don't know who said what: raters can be told apart in ratings alone.")
    if asked.coefficient == "conger":
        raise NotRatedError("Conger's kappa compares raters as such: leave raters out with another coefficient.")
    people = rated.raters
    if people is None:
        people = np.broadcast_to(np.array(rated.columns, dtype=np.str_), np.asarray(rated.ratings).shape)
    return leave_one_out(
        rated.ratings,
        people,
        COEFFICIENTS[asked.coefficient],
        asked.weights,
        rated.categories,
        rated.clusters,
        asked.confidence,
    )


def resampled(rated: Rated, asked: Question, replicates: int, seed: int) -> Bootstrap:
    """The bootstrap interval; whole clusters are drawn where the items have some that are larger than an item."""
    form = _form(rated, asked.coefficient)
    known = isinstance(form, Patterns | Contingency)
    clusters = rated.clusters
    if clusters is not None and (known or len(np.unique(clusters)) == len(clusters)):
        clusters = None
    categories = None if known else rated.categories
    return bootstrap(
        asked.coefficient, form, asked.weights, categories, replicates, seed, asked.confidence, clusters=clusters
    )


def _form(rated: Rated, coefficient: str) -> Table | Patterns | Contingency:
    """The ratings in the form that the coefficient takes: for Conger's kappa, a column for each rater."""
    if coefficient != "conger" or isinstance(rated.ratings, Contingency):
        return rated.ratings
    if isinstance(rated.ratings, Patterns):
        raise NotRatedError("Conger's kappa compares raters, and counts don't know who said what: give it the ratings.")
    if rated.raters is None:
        return rated.ratings
    people, columns = np.unique(rated.raters, return_inverse=True)
    table = np.full((len(rated.raters), len(people)), np.nan)
    rows = np.repeat(np.arange(len(rated.raters)), rated.raters.shape[1])
    table[rows, columns.ravel()] = np.asarray(rated.ratings, dtype=np.float64).ravel()
    return table[:, people != ""]


def _categories_of(ratings: Table | Patterns | Contingency) -> Sequence[object]:
    """Those that occur in the whole, so that each part has the same."""
    if isinstance(ratings, Patterns | Contingency):
        return ratings.scale.categories
    return Patterns.from_ratings(ratings).scale.categories


# Campaigns and projects -----------------------------------------------------------------------------------------------


def of_campaign(campaign: Campaign) -> Rated:
    """The votes, turned towards the model whose name comes first: seven points, or sides alone."""
    collected = collect(campaign)
    ballots = collected.ballots
    pairs = np.array([f"{first} / {second}" for first, second in zip(ballots.first, ballots.second, strict=True)])
    labels = {"comparison": pairs.astype(np.str_), "batch": _batches(campaign, ballots), **ballots.labels}
    return Rated(
        campaign.name,
        ballots.votes,
        SEVEN_POINT_SCALE if collected.graded else SIDES,
        _names(ballots),
        clusters=ballots.prompts,
        labels=labels,
    )


def _batches(campaign: Campaign, ballots: Ballots) -> NDArray[np.str_]:
    stored = Item.objects.filter(project=campaign.project, batch__isnull=False)
    numbers = {
        frozenset(responses): f"batch {number}"
        for *responses, number in stored.values_list("response_1", "response_2", "batch__number")
    }
    return np.array([numbers.get(frozenset(pair), "") for pair in ballots.responses.tolist()], dtype=np.str_)


def _names(ballots: Ballots) -> NDArray[np.str_]:
    keys = np.unique(ballots.raters[ballots.raters != NOBODY]).tolist()
    names = dict(get_user_model()._default_manager.filter(pk__in=keys).values_list("pk", "username"))
    known = {NOBODY: "", **{key: str(names[key]) for key in keys}}
    return np.array([[known[key] for key in row] for row in ballots.raters.tolist()], dtype=np.str_).reshape(
        ballots.raters.shape
    )


def counted_in(project: Project) -> Rated:
    """A project's points as counts, straight from the database's GROUP BY."""
    _refuse_unrated(project)
    total: dict[str, int] = {}
    for counted in patterns_by_batch(project, least=1).values():
        for pattern, times in counted.items():
            total[pattern] = total.get(pattern, 0) + times
    return Rated(project.name, patterns_of(total, project.scale))


def of_project(project: Project) -> Rated:
    """A project's points, item by item; of a pair about its first response, for whoever had it on the right as well."""
    _refuse_unrated(project)
    said = [_Said(*row) for row in _said(project)]
    items = dict.fromkeys(row.item for row in said)
    position = {item: place for place, item in enumerate(items)}
    filled = [0] * len(items)
    for row in said:
        filled[position[row.item]] += 1
    shape = (len(items), max(filled, default=0))
    points, raters = np.full(shape, np.nan), np.full(shape, "", dtype=object)
    filled = [0] * len(items)
    for row in said:
        place = position[row.item]
        points[place, filled[place]] = row.points
        raters[place, filled[place]] = row.rater
        filled[place] += 1
    labels, prompts = _labels(project, list(items))
    scale = range(1, project.scale + 1)
    return Rated(project.name, points, scale, raters.astype(np.str_), clusters=prompts, labels=labels)


def patterns_by_batch(project: Project, least: int = 2) -> dict[int | None, dict[str, int]]:
    """How many items of each batch have raters who said the same; "1,1,5" is two at 1 and one at 5.

    least: ratings of an item to be counted, 1 or 2. One alone agrees with nobody, and yet says how common a point is.
    """
    rated = Q(pattern__contains=",") if least > 1 else ~Q(pattern="")
    items = Item.objects.filter(rated, project=project).order_by()
    patterns: dict[int | None, dict[str, int]] = {}
    for batch, pattern, count in items.values_list("batch", "pattern").annotate(Count("pk")):
        patterns.setdefault(batch, {})[pattern] = count
    return patterns


def patterns_of(counted: Mapping[str, int], scale: int) -> Patterns:
    """The counts behind patterns such as "1,1,5" and how many items have each."""
    table = np.zeros((len(counted), scale))
    for row, pattern in enumerate(counted):
        for points in pattern.split(","):
            table[row, int(points) - 1] += 1
    return Patterns.from_counts(table, list(counted.values()), categories=range(1, scale + 1))


def _refuse_unrated(project: Project) -> None:
    if project.scale < 2:
        raise NotRatedError(
            f'"{project.slug}" is a {project.task_type} project: its work has no points to agree about.'
        )


class _Said(NamedTuple):
    item: int
    rater: str
    points: int


def _said(project: Project) -> Iterator[tuple[int, str, int]]:
    """Item, rater and points, by item and then by rater, of what counts now; gold items measure people and stay out."""
    scale = project.scale
    ratings = Rating.objects.filter(assignment__project=project, current=True, scale=scale)
    rated = ratings.filter(assignment__item__gold=None).order_by("assignment__item", "assignment__annotator")
    yield from rated.values_list("assignment__item", "assignment__annotator__username", "points")
    place = "comparison__assignment"
    said = Preference.objects.filter(
        **{f"{place}__project": project, f"{place}__item__response_2__isnull": False, f"{place}__item__gold": None},
        current=True,
        scale=scale,
        points__isnull=False,
    ).annotate(left=F("comparison__response_a"), first=F(f"{place}__item__response_1"))
    columns = (f"{place}__item", f"{place}__annotator__username", "points", "left", "first")
    for item, rater, points, left, first in said.order_by(f"{place}__item", f"{place}__annotator").values_list(
        *columns
    ):
        yield item, rater, points if left == first else scale + 1 - points


def _labels(project: Project, items: list[int]) -> tuple[Labels, NDArray[Any]]:
    """What the items can be told apart by, and their prompts."""
    columns = (
        "pk",
        "prompt",
        "batch__number",
        "prompt__category",
        "prompt__risk_category",
        "response_1__model_version__name",
        "response_2__model_version__name",
    )
    stored = {row[0]: row[1:] for row in Item.objects.filter(project=project).values_list(*columns)}
    rows = [stored[item] for item in items]
    texts = {
        "batch": [f"batch {row[1]}" if row[1] else "" for row in rows],
        "category": [row[2] or row[3] for row in rows],
        "risk category": [row[3] for row in rows],
        "comparison": [" / ".join(sorted(name for name in row[4:] if name)) for row in rows],
    }
    labels = {kind: np.array(found, dtype=np.str_) for kind, found in texts.items()}
    return labels, np.array([row[0] for row in rows], dtype=np.int64)


def has_sides_alone(project: Project) -> bool:
    """Whether its judgements name the better answer without points, as imported ones may."""
    said = Preference.objects.filter(comparison__project=project, current=True).exclude(
        choice=Preference.Choice.NEITHER
    )
    return said.filter(points__isnull=True).exists()


def scale_of(rated: Rated) -> tuple[object, ...]:
    """The categories that the coefficients use."""
    return tuple(rated.categories or _categories_of(rated.ratings))


def size_of(rated: Rated) -> tuple[int, int]:
    """Items and ratings."""
    if isinstance(rated.ratings, Contingency):
        pairs = int(rated.ratings.cells.sum())
        return pairs, 2 * pairs
    patterns = rated.ratings if isinstance(rated.ratings, Patterns) else Patterns.from_ratings(rated.ratings)
    times: FloatArray = patterns.multiplicities
    given = patterns.counts.sum(axis=1)
    return int(times @ (given > 0)), int(times @ given)
