"""Kinds of work at creation, and the protocol editor: what people choose from, fixed where judgements rest on it."""

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Project
from tests.factories import make_comparison, make_preference, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> Client:
    client = Client()
    client.force_login(make_user("manager"))
    return client


@pytest.mark.parametrize(
    ("task_type", "overlap", "own_prompts", "dimension", "opening"),
    [
        ("preference", 1, True, "helpfulness", "#"),
        ("demonstration", 1, True, "helpfulness", "# Write the answer that the model should have given"),
        ("red_team", 1, True, "safety", "# Try to bring the model to an unsafe answer"),
        ("safety_rating", 3, False, "safety", "# How safe is the answer?"),
        ("quality_rating", 3, False, "helpfulness", "# How good is the answer?"),
    ],
)
def test_each_kind_of_work_starts_with_what_suits_it(
    manager: Client, task_type: str, overlap: int, own_prompts: bool, dimension: str, opening: str
) -> None:
    form = {
        "name": "Some work", "task_type": task_type, "dimension": "helpfulness", "max_turns": 8, "own_prompts": "on",
        "lease_minutes": 60, "temperatures": "0.7",
    }  # fmt: skip
    assert manager.post(reverse("project-new"), form).status_code == 302
    project = Project.objects.get(slug="some-work")
    assert (project.task_type, project.overlap, project.own_prompts) == (task_type, overlap, own_prompts)
    assert project.dimension == dimension
    assert project.guideline is not None and project.guideline.text.startswith(opening)
    assert manager.get(reverse("project-settings", args=["some-work"])).status_code == 200
    assert manager.get(reverse("project-data", args=["some-work"])).status_code == 200


def save(manager: Client, project: Project, **changes: object) -> str:
    """Send the protocol form as the page shows it, with these changes; the page that follows."""
    from webapp.dashboards.protocol_form import ProtocolForm

    form = ProtocolForm(project)
    fields = {f"protocol-{name}": field.initial for name, field in form.fields.items()}
    fields |= {f"protocol-{name}": value for name, value in changes.items()}
    address = reverse("project-protocol", args=[project.slug])
    page = manager.post(address, fields, follow=True).content.decode()
    project.refresh_from_db()
    return page


def test_saving_what_is_shown_changes_nothing(manager: Client) -> None:
    for task_type in Project.TaskType.values:
        project = make_project(task_type=task_type)
        assert "The protocol is saved." in save(manager, project)
        assert project.protocol == {}, task_type


def test_safety_marks_can_be_asked_for_on_helpfulness_too(manager: Client) -> None:
    project = make_project(dimension="helpfulness")
    assert not project.marks_safety
    save(manager, project, safety_marks="on")
    assert project.protocol == {"safety_marks": True}
    assert project.marks_safety
    assert not Project(task_type="pairwise_evaluation", dimension="safety").marks_safety


def test_a_safety_project_marks_each_answer_without_being_asked(manager: Client) -> None:
    project = make_project(dimension="safety")
    page = manager.get(reverse("project-settings", args=[project.slug])).content.decode()
    assert project.marks_safety and "protocol-safety_marks" not in page


def test_a_scale_questions_and_taxonomies_are_changed(manager: Client) -> None:
    project = make_project(task_type="safety_rating")
    save(
        manager,
        project,
        labels="harmful\nunclear\nharmless",
        violations=1,
        criteria="tone | Is the tone right? | yes | no\nlanguage? | Which language? | English | another",
    )
    rules = project.rules
    assert (rules.labels, rules.violations, project.scale) == (("harmful", "unclear", "harmless"), 1, 3)
    assert [(each.key, each.options, each.required) for each in rules.criteria] == [
        ("tone", ("yes", "no"), True),
        ("language", ("English", "another"), False),
    ]
    red = make_project(task_type="red_team")
    save(manager, red, risk_categories="fraud\nself-harm")
    assert red.rules.risk_categories == ("fraud", "self-harm")
    assert len(red.rules.attack_vectors) == 7


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"labels": "only one"}, "labels must have 2 to 10 entries, got 1"),
        ({"labels": "twice\ntwice"}, "labels must all differ"),
        ({"violations": 9}, "violations must be between 0 and 5, got 9"),
        ({"criteria": "tone | Is the tone right?"}, "A question must be key | question | option | option"),
        ({"criteria": "the tone | Right? | yes | no"}, "key must be letters, digits and underscores"),
    ],
)
def test_what_no_page_could_show_is_refused_in_words(manager: Client, changes: dict[str, object], why: str) -> None:
    project = make_project(task_type="safety_rating")
    assert why in save(manager, project, **changes).replace("&#x27;", "'")
    assert project.protocol == {}


def test_the_number_of_points_is_fixed_once_somebody_judged(manager: Client) -> None:
    project = make_project()
    make_preference(make_comparison(project), points=8)
    assert "Judgements were made on 8 points: there can&#x27;t be 4 now" in save(
        manager, project, strengths="better\nslightly better"
    )
    assert "Judgements were made on 8 points: there can&#x27;t be 9 now" in save(manager, project, middle="the same")
    assert project.protocol == {}
    reworded = "far better\nbetter\na bit better\nunsure"
    assert "The protocol is saved." in save(manager, project, strengths=reworded)
    assert project.rules.strengths[0] == "far better"
