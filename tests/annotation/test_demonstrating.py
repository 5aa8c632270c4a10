"""Demonstrations: a prompt, given or one's own, and the ideal answer; exported and imported."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from annotation.models import Assignment, Demonstration, Draft, Item, Project, Prompt
from annotation.saying import submission_key
from tests.factories import make_item, make_project, make_prompt
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
RISKS = {"risk_category": "unqualified advice", "attack_vector": "psychological manipulation"}


def joined(annotator: User, **fields: object) -> Project:
    project = make_project(task_type=Project.TaskType.DEMONSTRATION, **fields)
    project.annotators.add(annotator)
    return project


def write_prompt(client: Client, project: Project, text: str = "How do I tie a bowline?", **fields: str) -> int:
    return client.post(f"/work/{project.slug}/demonstration/", {"prompt": text, **fields}).status_code


def demonstrate(client: Client, place: Assignment, text: str, **fields: str) -> int:
    key = fields.pop("submission", str(submission_key(place, Demonstration)))
    address = f"/work/{place.item.project.slug}/demonstration/{place.pk}/"
    return client.post(address, {"response": text, "submission": key, **fields}).status_code


def page(client: Client, project: Project) -> str:
    return client.get(f"/work/{project.slug}/").content.decode()


def test_a_prompt_of_ones_own_is_answered_and_the_next_may_be_written(client: Client, annotator: User) -> None:
    project = joined(annotator)
    assert write_prompt(client, project) == 302
    place = Assignment.objects.get()
    assert "How do I tie a bowline?" in page(client, project) and "The ideal answer" in page(client, project)
    assert demonstrate(client, place, "Make a **loop**, then\r\nthread it.\n") == 302
    said = Demonstration.objects.get()
    assert (said.prompt.text, said.text) == ("How do I tie a bowline?", "Make a **loop**, then\nthread it.")
    assert "Write a prompt" in page(client, project) and "Demonstration 2" in page(client, project)


def test_prompts_of_the_set_come_one_after_another(client: Client, annotator: User) -> None:
    project = joined(annotator, own_prompts=False)
    make_item(project), make_item(project)
    assert write_prompt(client, project) == 422
    client.post(f"/work/{project.slug}/take/")
    place = Assignment.objects.get(status=Assignment.Status.LEASED)
    assert demonstrate(client, place, "So.") == 302
    assert Assignment.objects.filter(status=Assignment.Status.LEASED).exclude(pk=place.pk).exists()


def test_the_safety_stream_asks_what_a_prompt_is_about_and_reminds_of_what_is_good(
    client: Client, annotator: User
) -> None:
    project = joined(annotator, dimension="safety")
    assert write_prompt(client, project) == 422
    assert write_prompt(client, project, risk_category="weather", attack_vector="other") == 422
    assert write_prompt(client, project, **RISKS) == 302
    prompt = Prompt.objects.get()
    assert {"risk_category": prompt.risk_category, "attack_vector": prompt.attack_vector} == RISKS
    assert "speaks to immediate safety concerns first" in page(client, project)


def test_labels_are_stored_alike_in_every_language_of_the_page(client: Client, annotator: User) -> None:
    project = joined(annotator, dimension="safety")
    client.cookies.load({"django_language": "de"})
    assert '<option value="unqualified advice"' in page(client, project)


def test_ones_own_prompt_may_be_edited_and_the_answer_so_far_stays(client: Client, annotator: User) -> None:
    project = joined(annotator, dimension="safety")
    write_prompt(client, project, "How do I pick a lok?", **RISKS)
    place = Assignment.objects.get()
    client.post(f"/work/{project.slug}/demonstration/{place.pk}/edit/", {"response": "I will not"})
    html = page(client, project)
    assert "How do I pick a lok?</textarea>" in html and 'value="unqualified advice" selected' in html
    assert not Item.objects.exists()
    write_prompt(client, project, "How do I pick a lock?", response="I will not", **RISKS)
    assert "I will not</textarea>" in page(client, project)


def test_sending_twice_is_one_demonstration(client: Client, annotator: User) -> None:
    project = joined(annotator)
    assert [write_prompt(client, project), write_prompt(client, project)] == [302, 302]
    assert write_prompt(client, project, "Another?") == 409
    place = Assignment.objects.get()
    key = str(submission_key(place, Demonstration))
    answers = [demonstrate(client, place, text, submission=key) for text in ("So.", "So.", "Or so.")]
    assert answers == [302, 302, 409]
    assert Demonstration.objects.get().text == "So."
    assert not Draft.objects.exists()


@pytest.mark.parametrize(("text", "why"), [("  \n", "Write the answer"), ("x" * 20_001, "at most 20,000 characters")])
def test_an_answer_that_is_empty_or_too_long_is_refused_and_kept(
    client: Client, annotator: User, text: str, why: str
) -> None:
    project = joined(annotator)
    write_prompt(client, project)
    place = Assignment.objects.get()
    key = str(submission_key(place, Demonstration))
    address = f"/work/{project.slug}/demonstration/{place.pk}/"
    answer = client.post(address, {"response": text, "submission": key})
    assert answer.status_code == 422
    assert why in answer.content.decode() and text.strip() in answer.content.decode()


def test_the_preview_is_markdown_without_markup_of_its_own(client: Client, annotator: User) -> None:
    project = joined(annotator)
    answer = client.post(f"/work/{project.slug}/preview/", {"text": "A **loop**<script>"}).content.decode()
    assert answer.strip() == "<p>A <strong>loop</strong>&lt;script&gt;</p>"


def a_demonstration(project: Project, annotator: User, text: str, split: str, **prompt: str) -> Demonstration:
    item = make_item(project, make_prompt(project, **prompt))
    Prompt.objects.filter(pk=item.prompt.pk).update(split=split)
    place = item.assignments.get()
    Assignment.objects.filter(pk=place.pk).update(status="submitted", annotator=annotator.pk)
    return Demonstration.objects.create(assignment=place, prompt=item.prompt, text=text)


def test_what_is_exported_says_what_was_written_and_comes_back_by_import(annotator: User, tmp_path: Path) -> None:
    project = joined(annotator, slug="knots", dimension="safety")
    first = a_demonstration(project, annotator, "Make a loop.", "train", **RISKS)
    a_demonstration(project, annotator, "Held out.", "test")
    rejected = a_demonstration(project, annotator, "Nonsense.", "train")
    Demonstration.objects.filter(pk=rejected.pk).update(current=False)
    out = tmp_path / "sft.jsonl"
    call_command("export_demonstrations", str(out), "--project", "knots", "--split", "train", stdout=io.StringIO())
    row = json.loads(out.read_text())
    assert row == {
        "messages": [*first.prompt.messages, {"role": "assistant", "content": "Make a loop."}],
        "trained_turns": "last",
        "id": f"knots-{first.assignment_id}",
        "split": "train",
        "batch": None,
        "category": None,
        **RISKS,
    }
    manifest = json.loads((tmp_path / "sft.manifest.json").read_text())
    assert (manifest["rows"], manifest["splits"], manifest["risk_categories"]) == (
        1, {"train": 1}, {"unqualified advice": 1},
    )  # fmt: skip
    assert project.snapshots.get().digest == manifest["sha256"]

    other = make_project(task_type=Project.TaskType.DEMONSTRATION)
    for _ in range(2):
        call_command("import_demonstrations", str(out), "--project", other.slug, stdout=io.StringIO())
    back = Demonstration.objects.get(assignment__item__project=other)
    assert (back.text, back.prompt.messages, back.prompt.risk_category) == (
        "Make a loop.", first.prompt.messages, "unqualified advice",
    )  # fmt: skip


def test_a_demonstration_that_ends_with_the_user_is_refused(tmp_path: Path) -> None:
    project = make_project(task_type=Project.TaskType.DEMONSTRATION)
    path = tmp_path / "sft.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "Why?"}]}\n')
    with pytest.raises(Exception, match="line 1: messages must end with the assistant's answer"):
        call_command("import_demonstrations", str(path), "--project", project.slug)
    assert not Demonstration.objects.exists()
