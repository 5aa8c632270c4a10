"""Fifty annotators at once, some of whom vanish: no place twice, no item over its maximum, none lost.

They claim, judge, skip, undo and revise, pairs of answers with adaptive further raters, held ready ahead of time; every
sixth step somebody dies between claim and submission, and later the leases of the dead run out. Real threads on the
real database, SQLite and PostgreSQL. With `pytest -s` its last line is what happened, as JSON.
"""

import json
import random
import threading
import time
from collections import Counter

import pytest
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from annotation import assigning, comparing, revising
from annotation.comparing import Judgement
from annotation.models import Assignment, Comparison, Item, Preference, Project, Skip
from tests.annotation.test_assigning_races import all_at_once, make_stored_item
from tests.factories import make_project, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)
Status = Assignment.Status
ITEMS, PEOPLE, OVERLAP, MOST, PATIENCE = 24, 50, 3, 5, 20.0


TOO_LATE = (
    assigning.LeaseLostError,
    revising.TooLateError,
    comparing.AlreadyJudgedError,  # it was being revised, and is submitted as it was
    Comparison.DoesNotExist,  # the pair was let go before it was looked at
)
"""What an annotator may meet whose lease ran out meanwhile, and nobody else: see `is_in_hand`."""


class DiedError(Exception):
    """The annotator's process is gone, and with it what it was about to do."""


class Calm(random.Random):
    """Chance of which nobody dies, skips or revises."""

    def random(self) -> float:
        return 0.5


def is_in_hand(place: Assignment, annotator: User) -> bool:
    return Assignment.objects.filter(pk=place.pk, annotator=annotator, status=Status.LEASED).exists()


def points_for(comparison: Comparison, annotator: User) -> int:
    """On every third item the raters stand at both ends of the scale, so that further ones are asked."""
    about_first = 4
    assert comparison.assignment
    if comparison.assignment.item_id % 3 == 0:
        about_first = 1 if annotator.pk % 2 else 7
    item = comparison.assignment.item
    return about_first if comparison.response_a_id == item.response_1_id else 8 - about_first


def work(project: Project, annotator: User, chance: random.Random, deaths: Counter[str]) -> int:
    """Judge until nothing waits; how many items."""
    done, until = 0, time.monotonic() + PATIENCE
    while time.monotonic() < until and (place := comparing.take(project, annotator)):
        fate = chance.random()
        if fate < 0.08:
            deaths["after claiming"] += 1
            raise DiedError
        if chance.random() < 0.5:
            assigning.reserve_next(project, annotator)
        try:
            if fate < 0.14:
                deaths["skipped"] += 1
                assigning.skip(place, annotator, "not mine")
                continue
            comparison = place.comparisons.select_related("project", "assignment__item").get()
            judgement = Judgement(points_for(comparison, annotator), 7)
            key = comparing.submission_key(comparison)
            comparing.judge(comparison, annotator, judgement, key)
            comparing.judge(comparison, annotator, judgement, key)  # the answer got lost: sent again
            done += 1
            if fate > 0.8:
                revise(place, comparison, annotator, judgement, chance)
                deaths["revised"] += 1
        except TOO_LATE:
            if is_in_hand(place, annotator):
                raise
            deaths["too late"] += 1
    return done


def revise(
    place: Assignment, comparison: Comparison, annotator: User, judgement: Judgement, chance: random.Random
) -> None:
    """Take it back; then say it anew, put it back, or vanish."""
    revising.take_back(place, annotator)
    fate = chance.random()
    if fate < 0.2:
        raise DiedError
    if fate < 0.5:
        revising.keep(place, annotator)
    else:
        comparison.refresh_from_db()
        comparing.judge(comparison, annotator, judgement, comparing.submission_key(comparison))


def figures_of(project: Project) -> dict[str, object]:
    """What whoever reads the output wants to know; the assertions say the same in detail."""
    said = Preference.objects.filter(current=True, comparison__project=project)
    item, rater = "comparison__assignment__item", "comparison__annotator"
    places = Assignment.objects.filter(project=project)
    return {
        "database": connection.vendor,
        "judgements": Preference.objects.count(),
        "that_count": said.count(),
        "items_over_their_maximum": said.values(item).annotate(n=Count("pk")).filter(n__gt=MOST).count(),
        "judged_twice_by_one": said.values(item, rater).annotate(n=Count("pk")).filter(n__gt=1).count(),
        "places": places.count(),
        "places_lost": places.exclude(status=Status.SUBMITTED).count(),
    }


def test_fifty_annotators_of_whom_some_vanish() -> None:
    project = make_project(
        task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=OVERLAP, max_overlap=MOST, random_order=True
    )
    for _ in range(ITEMS):
        make_stored_item(project, overlap=OVERLAP)
    people, deaths = [make_user() for _ in range(PEOPLE)], Counter[str]()
    stop = threading.Event()

    def let_leases_expire() -> None:
        while not stop.wait(0.2):
            past = timezone.now()
            held = Assignment.objects.filter(status__in=(Status.LEASED, Status.RESERVED)).values_list("pk", flat=True)
            for pk in list(held)[::7]:
                Assignment.objects.filter(pk=pk).update(leased_until=past)
        connection.close()

    hurry, began = threading.Thread(target=let_leases_expire), time.monotonic()
    hurry.start()
    try:
        results = all_at_once(
            *(
                lambda seed=seed, who=who: work(project, who, random.Random(seed), deaths)
                for seed, who in enumerate(people)
            )
        )
    finally:
        stop.set()
        hurry.join()
    rush = time.monotonic() - began
    in_the_rush = Preference.objects.count()
    unexpected = [result for result in results if isinstance(result, Exception) and not isinstance(result, DiedError)]
    assert unexpected == []
    assert deaths["after claiming"] and deaths["skipped"] and deaths["revised"], deaths

    # What the dead had in hand runs out, and the living finish it.
    Assignment.objects.filter(status__in=(Status.LEASED, Status.RESERVED)).update(leased_until=timezone.now())
    calm = Calm()
    for person in [*people, *(make_user() for _ in range(MOST))]:
        work(project, person, calm, deaths)

    places = Assignment.objects.filter(project=project)
    print(json.dumps(figures_of(project) | {"in_the_rush": in_the_rush, "seconds_of_it": round(rush, 1), **deaths}))
    assert set(places.values_list("status", flat=True)) == {Status.SUBMITTED}
    asked = Item.objects.annotate(raters=Count("assignments")).values_list("pk", "raters", "disagreement")
    assert all(OVERLAP <= raters <= MOST for _, raters, _ in asked)
    assert {raters for pk, raters, _ in asked if pk % 3} == {OVERLAP}, "who agrees is enough"
    assert any(raters > OVERLAP for pk, raters, _ in asked if pk % 3 == 0)
    for _, raters, disagreement in asked:
        assert raters == MOST or (disagreement is not None and 1 - disagreement >= project.agreement_floor)
    assert not places.values("item", "annotator").annotate(times=Count("pk")).filter(times__gt=1).exists()
    for place in places.prefetch_related("comparisons__preferences"):
        [comparison] = place.comparisons.all()
        assert comparison.annotator_id == place.annotator_id
        said = sorted(comparison.preferences.all(), key=lambda each: each.revision)
        assert [each.revision for each in said] == list(range(1, len(said) + 1))
        assert [each.current for each in said] == [False] * (len(said) - 1) + [True]
    assert Preference.objects.filter(current=True).count() == places.count()
    for skip in Skip.objects.all():
        assert not places.filter(item=skip.item_id, annotator=skip.annotator_id).exists(), "skipped and given again"
