"""Uploading preferences and prompts on a project's page."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.db import connection

from annotation.importing import forms
from annotation.importing.forms import PreferenceUploadForm, PromptUploadForm
from annotation.importing.loading import ImportSummary
from annotation.models import Comparison, Item, Project
from tests.annotation.files import fixture, trl_row
from tests.factories import make_project

pytestmark = pytest.mark.django_db


def upload(project: Project, *rows: Any, **data: str) -> PreferenceUploadForm:
    content = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    file = SimpleUploadedFile("pairs.jsonl", content.encode())
    return PreferenceUploadForm(project, {"format": "trl"} | data, {"file": file})


def test_a_sound_file_is_imported_into_the_project() -> None:
    project = make_project(dimension="safety")
    form = upload(project, trl_row(), batch="June")
    assert form.is_valid(), form.errors
    summary = form.save()
    assert isinstance(summary, ImportSummary)
    assert (summary.project, summary.new) == (project, 1)
    assert str(Comparison.objects.get().batch) == "June"


def test_the_errors_list_the_lines() -> None:
    form = upload(make_project(), trl_row(), trl_row(margin="x"), "{")
    assert not form.is_valid()
    assert [str(error).split(":")[0] for error in form.errors["file"]] == [
        "2 rows can't be read, so nothing was imported",
        "line 2",
        "line 3",
    ]
    assert not Comparison.objects.exists()


def test_only_the_formats_of_the_projects_task_are_offered() -> None:
    def offered(**fields: Any) -> list[str]:
        field: Any = PreferenceUploadForm(make_project(**fields)).fields["format"]
        return [name for name, _ in field.choices]

    assert offered() == ["trl", "hh", "alpaca_eval"]
    assert offered(task_type="pairwise_evaluation") == ["pandalm"]


def test_a_project_with_another_overlap_says_so_on_the_form() -> None:
    project = make_project(task_type="pairwise_evaluation", overlap=2)
    file = SimpleUploadedFile("pandalm.jsonl", fixture("pandalm.jsonl").read())
    form = PreferenceUploadForm(project, {"format": "pandalm"}, {"file": file})
    assert not form.is_valid()
    assert "has 2 annotators per item" in str(form.errors)


def test_a_large_packed_upload_is_read_from_its_temporary_file() -> None:
    content = fixture("hh.jsonl", packed=True).read()
    file = TemporaryUploadedFile("hh.jsonl.gz", "application/gzip", len(content), None)
    file.write(content)
    form = PreferenceUploadForm(make_project(), {"format": "hh"}, {"file": file})
    assert form.is_valid(), form.errors
    assert form.save().new == 3


def test_a_file_that_is_too_large_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "LARGEST_UPLOAD", 10)
    form = upload(make_project(), trl_row())
    assert not form.is_valid()
    assert "manage.py import_preferences" in str(form.errors["file"])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has many writers")
def test_on_sqlite_an_upload_never_keeps_annotators_waiting_for_long() -> None:
    file = SimpleUploadedFile("pairs.jsonl", b" " * (8 * 2**20 + 1))
    form = PreferenceUploadForm(make_project(), {"format": "trl"}, {"file": file})
    assert not form.is_valid()
    assert "uploads take at most 8 MB" in str(form.errors["file"])


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "LARGEST_UNPACKED", 100)
    form = upload(make_project(), *[trl_row(id=str(number)) for number in range(50)])
    assert not form.is_valid()
    assert "unpacks to more than" in str(form.errors["file"])


def test_prompts_are_uploaded_the_same_way() -> None:
    project = make_project()
    good = SimpleUploadedFile("prompts.csv", fixture("prompts.csv").read())
    form = PromptUploadForm(project, {}, {"file": good})
    assert form.is_valid(), form.errors
    assert form.save().new == 2
    assert Item.objects.filter(project=project).count() == 2
    bad = PromptUploadForm(project, {}, {"file": SimpleUploadedFile("prompts.csv", b"question\nWhy?\n")})
    assert not bad.is_valid()
    assert "line 2: expected a field prompt" in bad.errors["file"][1]


def test_no_file_is_an_error_and_not_a_crash() -> None:
    assert not PreferenceUploadForm(make_project(), {"format": "trl"}, {}).is_valid()
    assert not PromptUploadForm(make_project(), {}, {"file": SimpleUploadedFile("empty.csv", b"")}).is_valid()
    assert not upload(make_project(), trl_row(), format="parquet").is_valid()
