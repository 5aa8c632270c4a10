"""The form of a new campaign: everything is made, or an error says why and nothing is."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotation.models import Project
from evaluation.models import Campaign
from modeling.registry.models import ModelVersion, Run
from tests.factories import make_model, make_project, make_prompt, make_user
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def models() -> list[ModelVersion]:
    return [make_model(f"{side}-model", backend=ModelVersion.Backend.LOCAL, path=f"{side}/") for side in "xy"]


@pytest.fixture
def raters() -> list[User]:
    return [make_user() for _ in range(3)]


@pytest.fixture
def source() -> Project:
    """Ten prompts, four of them on the test side."""
    project = make_project(slug="source")
    for number in range(10):
        prompt = make_prompt(project, f"Question {number}?", category="even" if number % 2 == 0 else "odd")
        prompt.split = "test" if number < 4 else "train"
        prompt.save()
    return project


@pytest.fixture
def fields(models: list[ModelVersion], raters: list[User]) -> dict[str, Any]:
    return {
        "name": "Spring campaign",
        "dimension": "helpfulness",
        "models": [model.pk for model in models],
        "prompt_side": "test",
        "number": 100,
        "raters_per_item": 3,
        "annotators": [rater.pk for rater in raters],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_new_tokens": 64,
        "seed": 5,
    }


def submit(fields: dict[str, Any]) -> Any:
    client = Client()
    client.force_login(make_user("manager"))
    return client.post(reverse("campaign-create"), fields)


def refused(fields: dict[str, Any]) -> str:
    """The page with the errors, after checking that nothing was made and that what was typed is still there."""
    response = submit(fields)
    assert response.status_code == 422
    assert not Campaign.objects.exists() and not Run.objects.exists()
    assert not Project.objects.filter(task_type=Project.TaskType.PAIRWISE_EVALUATION).exists()
    shown = response.content.decode()
    assert f'value="{fields["seed"]}"' in shown
    return shown


def upload(content: str, name: str = "prompts.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode())


def test_it_makes_the_campaign_and_starts_sampling_the_test_prompts(fields: dict[str, Any], source: Project) -> None:
    response = submit(fields | {"prompt_project": source.pk})
    campaign = Campaign.objects.get()
    assert response.status_code == 302 and response["Location"] == reverse("campaign", args=["spring-campaign"])
    run = Run.objects.get()
    prompts = campaign.project.prompts.order_by("pk")
    assert run.config["prompts"] == [prompt.pk for prompt in prompts]
    assert {prompt.text for prompt in prompts} == {f"Question {number}?" for number in range(4)}
    assert campaign.project.annotators.count() == 3


def test_all_prompts_can_be_taken_and_are_drawn_by_the_seed(fields: dict[str, Any], source: Project) -> None:
    submit(fields | {"prompt_project": source.pk, "prompt_side": "all", "number": 6})
    submit(fields | {"prompt_project": source.pk, "prompt_side": "all", "number": 6, "name": "Again"})
    first, again = (
        {prompt.text for prompt in Project.objects.get(slug=slug).prompts.all()}
        for slug in ("spring-campaign", "again")
    )
    assert len(first) == 6
    assert first == again


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("prompts.jsonl", '{"prompt": "Where to?", "category": "travel"}\n{"prompt": "How far?"}\n'),
        ("prompts.csv", "prompt,category\nWhere to?,travel\nHow far?,\n"),
    ],
)
def test_prompts_can_be_uploaded(fields: dict[str, Any], name: str, content: str) -> None:
    assert submit(fields | {"prompt_file": upload(content, name)}).status_code == 302
    stored = Campaign.objects.get().project.prompts.order_by("pk")
    assert {(prompt.text, prompt.category) for prompt in stored} == {("Where to?", "travel"), ("How far?", "")}


def test_a_bad_line_of_an_upload_is_named(fields: dict[str, Any]) -> None:
    shown = refused(fields | {"prompt_file": upload('{"prompt": "Where to?"}\n{"prompt": 7}\n')})
    assert "line 2: prompt must be text, got 7" in shown


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": 3.5}, "less than or equal to 2"),
        ({"top_p": 0}, "greater than or equal to 0.01"),
        ({"raters_per_item": 0}, "greater than or equal to 1"),
        ({"number": "many"}, "Enter a whole number"),
        ({"dimension": "beauty"}, "is not one of the available choices"),
        ({"name": "New"}, "makes no address of its own"),
        ({"name": "???"}, "makes no address of its own"),
        ({"raters_per_item": 4}, "4 raters per item need as many people, got 3"),
    ],
)
def test_a_wrong_field_is_explained(
    fields: dict[str, Any], source: Project, wrong: dict[str, Any], message: str
) -> None:
    assert message in refused(fields | {"prompt_project": source.pk} | wrong)


def test_one_model_is_not_enough(fields: dict[str, Any], source: Project) -> None:
    shown = refused(fields | {"prompt_project": source.pk, "models": fields["models"][:1]})
    assert "at least two model versions" in shown


def test_a_model_without_a_checkpoint_is_not_offered(fields: dict[str, Any], source: Project) -> None:
    named = make_model("only-a-name")
    shown = refused(fields | {"prompt_project": source.pk, "models": [*fields["models"], named.pk]})
    assert "not one of the available choices" in shown
    assert "only-a-name" not in shown


def test_prompts_come_from_one_place(fields: dict[str, Any], source: Project) -> None:
    assert "either a project or a file" in refused(fields)
    both = {"prompt_project": source.pk, "prompt_file": upload('{"prompt": "Where to?"}')}
    assert "either a project or a file" in refused(fields | both)


def test_a_project_without_test_prompts_says_so(fields: dict[str, Any], source: Project) -> None:
    source.prompts.update(split="train")
    assert "has no test prompts" in refused(fields | {"prompt_project": source.pk})


def test_a_taken_name_is_refused(fields: dict[str, Any], source: Project) -> None:
    make_project(slug="spring-campaign")
    assert "&quot;spring-campaign&quot; exists already" in refused(fields | {"prompt_project": source.pk})


def test_a_campaign_for_reward_models_alone_needs_no_people(fields: dict[str, Any], source: Project) -> None:
    assert submit(fields | {"prompt_project": source.pk, "annotators": []}).status_code == 302
