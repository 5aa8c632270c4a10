"""How far the raters of one item disagree: 0 when all say the same, 1 when they stand at both ends of the scale.

It decides whether another rater is asked, and what reviewers look at first. Agreement corrected for chance, over many
items, is what reports state (evaluation/statistics).
"""

from collections.abc import Sequence
from itertools import combinations

from annotation.models import Item, Preference, Rating


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


def disagreement_on(item: Item) -> float | None:
    """Of what counts now; None where nobody was shown the same as somebody else (sampled answers, written texts)."""
    scale = item.project.scale
    return disagreement(points_of(item, scale), scale) if scale >= 2 else None


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
