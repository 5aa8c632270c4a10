"""The page knows how much the models of the pool can read."""

from pathlib import Path

import pytest
from django.test import Client

from annotation.dialogues import words_to_read
from annotation.models import Project
from modeling.registry.models import ModelVersion
from tests.annotation.test_work_pages import ask, joined, judge, page
from tests.factories import make_model
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(annotator: User) -> Project:
    return joined(annotator)


def add(project: Project, folder: Path, positions: object, **fields: int) -> None:
    folder.mkdir()
    (folder / "config.json").write_text(f'{{"max_position_embeddings": {positions}}}', encoding="utf-8")
    model = make_model(folder.name, backend=ModelVersion.Backend.LOCAL, path=str(folder))
    project.pool.create(model_version=model, **fields)


def test_the_model_that_reads_least_beside_its_answer_decides(project: Project, tmp_path: Path) -> None:
    add(project, tmp_path / "wide", 4096, max_new_tokens=256)
    add(project, tmp_path / "narrow", 1024, max_new_tokens=224)
    assert words_to_read(project) == 600  # three quarters of 1024 - 224 tokens


def test_the_page_counts_what_was_said_already(client: Client, project: Project, tmp_path: Path) -> None:
    add(project, tmp_path / "narrow", 1024, max_new_tokens=224)
    assert "They can read about 600 more words of this dialogue." in page(client, project)
    judge(client, ask(client, project, "word " * 98), 1)  # and "Answer A."
    assert "They can read about 500 more words of this dialogue." in page(client, project)


@pytest.mark.parametrize("positions", ["null", '"many"'])
def test_where_no_model_says_the_page_promises_nothing(
    client: Client, project: Project, tmp_path: Path, positions: str
) -> None:
    add(project, tmp_path / f"silent-{len(positions)}", positions)
    assert words_to_read(project) is None
    assert "They can read" not in page(client, project)
