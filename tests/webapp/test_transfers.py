"""Files into a project and out of it: errors by line, nothing half done, each export remembered."""

import hashlib
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.models import Comparison, DatasetSnapshot, Item, Prompt
from tests.factories import make_comparison, make_preference, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(make_user("manager", username="mia"))
    return client


def upload(client: Client, what: str, text: str, **fields: str) -> Any:
    file = SimpleUploadedFile("typed.jsonl", text.encode())
    data = {f"{what}-{name}": value for name, value in fields.items()} | {f"{what}-file": file}
    return client.post(f"/projects/here/data/{what}/", data, follow=True)


def a_pair(number: int) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": f"Question {number}?"}],
        "chosen": [{"role": "assistant", "content": "Yes."}],
        "rejected": [{"role": "assistant", "content": "No."}],
        "margin": 1.0,
    }


def lines(*rows: Any) -> str:
    return "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)


def test_prompts_are_uploaded_and_counted_on_the_page(manager: Client) -> None:
    project = make_project(slug="here")
    page = upload(manager, "prompts", lines({"prompt": "One?"}, {"prompt": "Two?"}))
    assert "2 new" in page.content.decode()
    assert project.prompts.count() == 2
    assert Item.objects.filter(project=project).count() == 2


def test_each_wrong_line_of_prompts_is_listed_and_none_is_stored(manager: Client) -> None:
    make_project(slug="here")
    page = upload(manager, "prompts", lines({"prompt": "One?"}, "{broken\n", {"prompt": ""}), batch="week 9")
    text = page.content.decode()
    assert "line 2: not valid JSON" in text
    assert "line 3: prompt must not be empty" in text
    assert 'value="week 9"' in text
    assert Prompt.objects.count() == 0


def test_pairs_are_uploaded_once_however_often(manager: Client) -> None:
    project = make_project(slug="here")
    file = lines(a_pair(1), a_pair(2))
    assert "2 new pairs" in upload(manager, "preferences", file, format="trl").content.decode()
    assert "2 already there" in upload(manager, "preferences", file, format="trl").content.decode()
    assert project.comparisons.count() == 2


def test_each_wrong_line_of_pairs_is_listed_and_none_is_stored(manager: Client) -> None:
    make_project(slug="here")
    page = upload(manager, "preferences", lines(a_pair(1), a_pair(2) | {"margin": "much"}), format="trl")
    assert "line 2: margin must be a number or null" in page.content.decode()
    assert Comparison.objects.count() == 0
    assert Prompt.objects.count() == 0


def test_a_form_without_a_file_says_so(manager: Client) -> None:
    make_project(slug="here")
    page = manager.post("/projects/here/data/preferences/", {"preferences-format": "trl"})
    assert page.context["preferences_form"].errors == {"file": ["This field is required."]}
    assert page.context["prompts_form"].errors == {}


def test_an_export_is_downloaded_and_remembered_with_its_manifest(manager: Client) -> None:
    project = make_project(slug="here")
    make_preference(make_comparison(project, a="Yes.", b="No."), points=1)
    make_preference(make_comparison(project), choice="neither", points=None)
    choices = {"export-split": "all", "export-batch": "", "export-margin": "large"}
    answer = manager.post("/projects/here/data/export/", choices)
    assert answer["Content-Disposition"] == 'attachment; filename="here.jsonl"'
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    row = json.loads(content)
    assert (row["chosen"][0]["content"], row["margin"]) == ("Yes.", 3)
    snapshot = DatasetSnapshot.objects.get()
    assert (snapshot.rows, snapshot.digest) == (1, hashlib.sha256(content).hexdigest())
    assert snapshot.created_by is not None
    assert snapshot.created_by.username == "mia"
    manifest = manager.get(f"/projects/here/data/exports/{snapshot.pk}/manifest/")
    assert manifest.json()["left_out"] == {"both answers unusable": 1}


def test_an_export_takes_the_side_of_the_split_that_was_asked_for(manager: Client) -> None:
    project = make_project(slug="here")
    for side in ("train", "test"):
        prompt = make_prompt(project, f"From {side}?")
        Prompt.objects.filter(pk=prompt.pk).update(split=side)
        make_preference(make_comparison(project, prompt))
    answer = manager.post("/projects/here/data/export/", {"export-split": "test", "export-margin": "small"})
    rows = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]  # type: ignore[attr-defined]
    assert [row["prompt"][0]["content"] for row in rows] == ["From test?"]


def test_an_evaluation_is_not_exported_and_the_page_says_why(manager: Client) -> None:
    make_project(slug="here", task_type="pairwise_evaluation")
    page = manager.post("/projects/here/data/export/", {"export-split": "all", "export-margin": "small"})
    assert "an evaluation must not train the models" in page.content.decode()
    assert DatasetSnapshot.objects.count() == 0
