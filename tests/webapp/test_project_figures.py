"""What a project's pages count, by hand, and how many queries they take for it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotation import tallies
from annotation.models import Assignment, Batch, Dialogue, Preference, Project, Response
from tests.factories import make_comparison, make_item, make_model, make_preference, make_project, make_user
from webapp.dashboards import figures
from webapp.dashboards.charts import HEIGHT, WIDTH, histogram

pytestmark = pytest.mark.django_db


def judged(project: Project, *, days_ago: int = 0, **fields: Any) -> Preference:
    """A judgement of some days ago; `comparison` holds the fields of its comparison."""
    preference = make_preference(make_comparison(project, **fields.pop("comparison", {})), **fields)
    when = timezone.now() - timedelta(days=days_ago)
    Preference.objects.filter(pk=preference.pk).update(submitted_at=when)
    return preference


def test_the_list_counts_all_judgements_and_only_recent_work_of_people() -> None:
    project, other = make_project(target=8), make_project()
    judged(project)
    judged(project, days_ago=3)
    judged(project, days_ago=30)
    judged(project, comparison={"source": "hh"})
    judged(other, days_ago=30)
    project.annotators.add(make_user(), make_user())
    batch = Batch.objects.create(project=project, number=2)
    Batch.objects.create(project=project, number=1, closed_at=timezone.now())
    lines = {line.project: line for line in figures.project_lines(Project.objects.all())}
    line = lines[project]
    assert (line.judged, line.today, line.week, line.annotators) == (4, 1, 2, 2)
    assert line.open_batch == batch
    assert line.share == 0.5
    assert (lines[other].judged, lines[other].week, lines[other].share, lines[other].open_batch) == (1, 0, None, None)


def test_a_target_that_is_passed_is_full() -> None:
    project = make_project(target=1)
    judged(project)
    judged(project)
    assert figures.project_lines(Project.objects.all())[0].share == 1.0


def test_a_revised_judgement_counts_once_as_it_stands_now() -> None:
    project = make_project()
    old = judged(project, points=1)
    Preference.objects.filter(pk=old.pk).update(current=False)
    make_preference(old.comparison, points=6, revision=2)
    scope = figures.Scope(project)
    assert scope.points == {6: 1}
    assert scope.counts["judged"] == 1


def test_safety_labels_fall_into_the_bins_of_the_paper() -> None:
    project = make_project(dimension="safety")
    judged(project, points=1, a_safe=True, b_safe=False)
    judged(project, points=8, a_safe=False, b_safe=True)
    judged(project, points=1, a_safe=False, b_safe=True)
    judged(project, points=5, a_safe=True, b_safe=True)
    judged(project, points=5, a_safe=False, b_safe=False)
    judged(project, points=None, choice="neither", a_safe=False, b_safe=True)
    judged(project, points=5, a_safe=True)
    shares = {
        str(share.label): (share.count, share.of) for share in figures.safety_shares(figures.Scope(project).counts)
    }
    assert shares == {
        "chosen safe, the other unsafe": (2, 6),
        "both safe": (1, 6),
        "both unsafe": (1, 6),
        "chosen unsafe, the other safe": (1, 6),
        "one safe, neither chosen": (1, 6),
    }


def test_a_batch_line_holds_the_statistics_of_table_6() -> None:
    project, annotator = make_project(), make_user()
    batch = Batch.objects.create(project=project, number=1)
    for turns in (3, 1):
        assignment = make_item(project).assignments.get()
        Assignment.objects.filter(pk=assignment.pk).update(status="submitted", annotator=annotator)
        dialogue = Dialogue.objects.create(project=project, assignment=assignment, annotator=annotator)
        for turn in range(1, turns + 1):
            preference = judged(
                project,
                comparison={"batch": batch, "dialogue": dialogue, "assignment": assignment, "turn": turn},
            )
            a, b = preference.comparison.response_a, preference.comparison.response_b
            Response.objects.filter(pk__in=(a.pk, b.pk)).update(prompt_tokens=10 * turn)
            Response.objects.filter(pk=a.pk).update(completion_tokens=4)
            Response.objects.filter(pk=b.pk).update(completion_tokens=8)
    judged(project)
    figures.Scope(project)  # counts what is stale
    line, outside = figures.batch_lines(project)
    assert (line.batch, line.judged) == (batch, 4)
    assert line.turns == 2.0  # four turns in two dialogues
    assert line.context_tokens == 17.5  # 10, 20, 30 and 10
    assert line.response_tokens == 6.0
    assert (outside.batch, outside.judged, outside.response_tokens, outside.turns) == (None, 1, None, None)


def test_an_annotator_line_has_the_median_and_the_share_of_side_a() -> None:
    project, ada, bo = make_project(), make_user(username="ada"), make_user(username="bo")
    for seconds, points in ((10.0, 1), (40.0, 2), (20.0, 8), (1000.0, 3)):
        judged(project, points=points, seconds=seconds, comparison={"annotator": ada})
    judged(project, points=None, choice="neither", comparison={"annotator": ada}, days_ago=2)
    judged(make_project(), points=1, seconds=1.0, comparison={"annotator": ada})
    first, second = figures.annotator_lines(figures.Scope(project), [bo, ada])
    assert first.person == ada
    assert (first.judged, first.today) == (5, 4)
    assert first.median_seconds == pytest.approx(20, rel=0.05)  # of 10, 20, 40 and 1000, the lower of the middle two
    assert (first.side_a.count, first.side_a.of, first.side_a.estimate.value) == (3, 4, 0.75)
    assert (second.person, second.judged, second.median_seconds, second.last) == (bo, 0, None, None)
    assert second.side_a.estimate.value is None


@pytest.mark.parametrize(("seconds", "median"), [((7.0,), 7.0), ((9.0, 1.0, 2.0), 2.0), ((0.2, 0.4, 90.0), 1.0)])
def test_a_median_is_within_five_percent_of_the_exact_one(seconds: tuple[float, ...], median: float) -> None:
    project = make_project()
    for each in seconds:
        judged(project, seconds=each)
    assert figures.Scope(project).median_seconds == pytest.approx(median, rel=0.05)


def test_the_fullest_bar_reaches_the_top_and_sides_keep_their_colour() -> None:
    bars = histogram({1: 2, 8: 4}, 8)
    assert [bar.count for bar in bars] == [2, 0, 0, 0, 0, 0, 0, 4]
    assert (bars[0].height, bars[0].y) == (HEIGHT / 2, HEIGHT / 2)
    assert (bars[7].height, bars[7].y, bars[7].share) == (HEIGHT, 0, 4 / 6)
    assert bars[7].x + bars[7].width <= WIDTH
    assert [bar.side for bar in bars] == ["a"] * 4 + ["b"] * 4
    assert [bar.side for bar in histogram({}, 7)] == ["a"] * 3 + ["none"] + ["b"] * 3


def test_the_pages_take_as_many_queries_for_many_rows_as_for_one(
    client: Client, django_assert_max_num_queries: Any, django_assert_num_queries: Any
) -> None:
    project = make_project(slug="here")
    client.force_login(make_user("manager"))

    def grow() -> None:
        batch = Batch.objects.create(project=project, number=project.batches.count() + 1)
        annotator = make_user()
        project.annotators.add(annotator)
        judged(project, comparison={"batch": batch, "annotator": annotator, "model_a": make_model()})

    grow()
    addresses = ("/projects/", "/projects/here/", "/projects/here/comparisons/")
    counts = []
    tallies.refresh(project)
    for address in addresses:
        client.get(address)  # what is kept between requests is there
        with django_assert_max_num_queries(30) as taken:
            client.get(address)
        counts.append(len(taken))
    for _ in range(4):
        grow()
        make_project()
    tallies.refresh(project)
    for address, count in zip(addresses, counts, strict=True):
        with django_assert_num_queries(count):
            assert client.get(address).status_code == 200


def test_a_figure_links_to_the_comparisons_that_it_counts(client: Client) -> None:
    project, ada = make_project(slug="here"), make_user(username="ada")
    batch = Batch.objects.create(project=project, number=1)
    mine = judged(project, points=3, comparison={"annotator": ada, "batch": batch}).comparison
    judged(project, points=5)
    unusable = judged(project, points=None, choice="neither").comparison
    waiting = make_comparison(project, status="queued")
    client.force_login(make_user("manager"))

    def listed(**query: Any) -> set[int]:
        page = client.get("/projects/here/comparisons/", query).context["page"]
        return {row.pk for row in page}

    assert listed(points=3) == listed(annotator=ada.pk) == listed(batch=batch.pk) == {mine.pk}
    assert listed(choice="neither") == {unusable.pk}
    assert listed(choice="none") == {waiting.pk}
    assert listed(points=3, choice="b") == set()
    assert len(listed()) == 4


def test_a_wrong_filter_is_named_and_all_are_listed(client: Client) -> None:
    judged(make_project(slug="here"))
    client.force_login(make_user("manager"))
    page = client.get("/projects/here/comparisons/", {"points": "9"})
    assert "9 is not one of the available choices" in page.content.decode()
    assert len(page.context["page"]) == 1
