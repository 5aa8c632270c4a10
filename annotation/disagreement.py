"""How far the raters of one item disagree: 0 when all say the same, 1 when they stand at both ends of the scale.

It decides whether another rater is asked, and what reviewers look at first. Agreement corrected for chance, over many
items, is what reports state (evaluation/statistics).
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby
from operator import itemgetter

from annotation.models import Item, Preference, Project, Rating

CHUNK = 500


def disagreement(points: Sequence[int], scale: int) -> float | None:
    """Weighted percent disagreement: the mean over all pairs of raters of ((x - y) / (scale - 1)) squared.

    points: one per rater, from 1 to `scale`. None below two raters.
    """
    if scale < 2 or any(not 1 <= each <= scale for each in points):
        raise ValueError(f"points must be from 1 to a scale of at least 2, got {list(points)} of {scale}")
    pairs = list(combinations(points, 2))
    if not pairs:
        return None
    return sum(((one - other) / (scale - 1)) ** 2 for one, other in pairs) / len(pairs)


def remember(item: Item) -> float | None:
    """Store how far an item's raters disagree, of what counts now, and their points, by which agreement is counted.

    None where nobody was shown the same as somebody else (sampled answers, written texts). What everybody judges, a
    gold item, stays out of agreement.
    """
    scale = item.project.scale
    points = sorted(points_of(item, scale))
    apart = disagreement(points, scale) if scale >= 2 else None
    pattern = "" if hasattr(item, "gold") else ",".join(map(str, points))
    Item.objects.filter(pk=item.pk).update(disagreement=apart, pattern=pattern)
    return apart


def remember_all(project: Project) -> None:
    """The same for all items of a project, in one pass over its judgements."""
    items = Item.objects.filter(project=project, response_1__isnull=False)
    scale, gold = project.scale, set(items.filter(gold__isnull=False).values_list("pk", flat=True))
    alike: dict[tuple[int, ...], list[int]] = {}
    for pk, rows in groupby(_points_in(project, scale), key=itemgetter(0)):
        alike.setdefault(tuple(sorted(points for _, points in rows)), []).append(pk)
    items.exclude(pattern="").update(pattern="", disagreement=None)
    for points, keys in alike.items():
        pattern, apart = ",".join(map(str, points)), disagreement(points, scale)
        for start in range(0, len(keys), CHUNK):
            chunk = keys[start : start + CHUNK]
            Item.objects.filter(pk__in=chunk).update(disagreement=apart, pattern=pattern)
    Item.objects.filter(pk__in=gold).update(pattern="")


def _points_in(project: Project, scale: int) -> Iterator[tuple[int, int]]:
    """Each rater's item and points, of a pair about response_1 as A, item by item."""
    ratings = Rating.objects.filter(assignment__project=project, current=True, scale=scale)
    yield from ratings.order_by("assignment__item").values_list("assignment__item", "points").iterator()
    said = Preference.objects.filter(
        comparison__assignment__project=project,
        comparison__assignment__item__response_2__isnull=False,
        current=True,
        scale=scale,
        points__isnull=False,
    )
    item = "comparison__assignment__item"
    rows = said.order_by(item).values_list(item, "points", "comparison__response_a", f"{item}__response_1")
    for pk, points, left, first in rows.iterator():
        yield pk, points if left == first else scale + 1 - points


def points_of(item: Item, scale: int) -> list[int]:
    """The raters' points, of a pair all about response_1 as A: whoever had it on the right is turned round."""
    if item.response_1_id is None:
        return []
    if item.response_2_id is None:
        ratings = Rating.objects.filter(assignment__item=item, current=True, scale=scale)
        return list(ratings.values_list("points", flat=True))
    said = Preference.objects.filter(comparison__assignment__item=item, current=True, scale=scale)
    rows = said.values_list("points", "comparison__response_a")
    return [points if left == item.response_1_id else scale + 1 - points for points, left in rows if points]
