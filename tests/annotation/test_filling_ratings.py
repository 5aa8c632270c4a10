"""How answers get into rating projects: from a file, from another project's stored answers; twice is once."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from annotation.filling import fill_from
from annotation.importing.rows import Verdict
from annotation.models import Assignment, Item, Project, Prompt, Response
from modeling.registry.models import ModelVersion
from tests.factories import make_comparison, make_model, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db
ROWS: list[dict[str, Any]] = [
    {"prompt": "Why is the sea salty?", "response": "Because of rivers.", "model": "One 7B", "risk_category": "none"},
    {"prompt": [{"role": "user", "content": "And lakes?"}], "response": "Some are.", "model": "other"},
]


@pytest.fixture
def project() -> Project:
    return make_project(task_type=Project.TaskType.SAFETY_RATING, overlap=3)


def as_file(rows: list[dict[str, Any]]) -> io.BytesIO:
    file = io.BytesIO("\n".join(map(json.dumps, rows)).encode())
    file.name = "answers.jsonl"
    return file


def test_a_file_becomes_items_with_a_place_for_each_rater(project: Project, tmp_path: object) -> None:
    path = f"{tmp_path}/answers.jsonl"
    with open(path, "wb") as file:
        file.write(as_file(ROWS).read())
    for _ in range(2):  # the second time adds nothing
        call_command("import_responses", path, "--project", project.slug, stdout=io.StringIO())
        items = Item.objects.filter(project=project).order_by("pk")
        said = list(
            items.values_list("prompt__messages__0__content", "response_1__text", "response_1__model_version__name")
        )
        assert said == [
            ("Why is the sea salty?", "Because of rivers.", "One-7B"),
            ("And lakes?", "Some are.", "other"),
        ]
    assert Assignment.objects.filter(item__project=project).count() == 6
    assert Prompt.objects.get(risk_category="none").text == "Why is the sea salty?"
    assert ModelVersion.objects.get(name="One-7B").backend == ModelVersion.Backend.NAME_ONLY


def test_a_broken_line_is_named_and_nothing_is_imported(project: Project) -> None:
    client = Client()
    client.force_login(make_user("manager"))
    rows = [*ROWS, {"prompt": "Why?", "model": "x"}]
    answer = client.post(reverse("responses-upload", args=[project.slug]), {"responses-file": as_file(rows)})
    assert "line 3: field response is missing" in answer.content.decode()
    assert not Item.objects.exists()
    answer = client.post(
        reverse("responses-upload", args=[project.slug]), {"responses-file": as_file(ROWS)}, follow=True
    )
    assert "2 new, 0 already there" in answer.content.decode()


def test_answers_that_were_stored_elsewhere_are_copied_once(project: Project) -> None:
    source, model = make_project(), make_model("writer")
    prompt = make_prompt(source, "Where is the bakery?", risk_category="unqualified advice")
    Prompt.objects.filter(pk=prompt.pk).update(split="test")
    make_comparison(source, prompt, a="In Mill Lane.", b="Nowhere.", model_a=model, model_b=model)
    Response.objects.create(prompt=prompt, text="Half a sen", temperature=0.7)  # its worker still writes
    client = Client()
    client.force_login(make_user("manager"))
    for _ in range(2):
        client.post(reverse("project-fill", args=[project.slug]), {"fill-source": source.pk})
    items = Item.objects.filter(project=project).order_by("pk")
    assert [item.response_1 and item.response_1.text for item in items] == ["In Mill Lane.", "Nowhere."]
    copied = items[0].prompt
    assert (copied.project, copied.split, copied.risk_category) == (project, "test", "unqualified advice")
    assert Response.objects.filter(prompt=prompt).count() == 3  # the source keeps its own


def test_as_many_as_asked_for_are_taken(project: Project) -> None:
    source = make_project()
    for _ in range(3):
        make_comparison(source)
    assert fill_from(project, source, most=2).new == 2


def test_answers_are_for_rating_projects_alone(tmp_path: object) -> None:
    path = f"{tmp_path}/answers.jsonl"
    with open(path, "wb") as file:
        file.write(as_file(ROWS).read())
    with pytest.raises(CommandError, match="is a preference project"):
        call_command("import_responses", path, "--project", make_project().slug)


@pytest.mark.parametrize(
    ("rating", "choice", "scale", "points"),
    [
        ("negligibly", "a", 8, 4),
        ("negligibly", "b", 8, 5),
        ("negligibly", "a", 7, 3),  # three strengths and a middle: the weakest strength, not the middle
        ("negligibly", "b", 7, 5),
        ("slightly", "b", 4, 3),  # two strengths
        ("better", "a", 2, 1),  # a bare choice
        ("significantly", "b", 2, 2),
    ],
)
def test_a_rating_that_the_projects_scale_does_not_know_counts_as_its_weakest(
    rating: str, choice: str, scale: int, points: int
) -> None:
    assert Verdict(choice=choice, rating=rating).points(scale) == points
