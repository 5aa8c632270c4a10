"""Judging stored pairs as an annotator would, whichever side each answer came on."""

from annotation import comparing
from annotation.comparing import Judgement
from annotation.models import Assignment, Project
from webapp.accounts.models import User


def judge_next(project: Project, person: User, about_first: int) -> Assignment:
    """Take the next item and judge it by points about response_1 as A, whichever side it came on."""
    place = comparing.take(project, person)
    assert place is not None
    comparison = place.comparisons.get()
    points = about_first if comparison.response_a_id == place.item.response_1_id else 8 - about_first
    comparing.judge(comparison, person, Judgement(points, 7))
    place.refresh_from_db()
    return place
