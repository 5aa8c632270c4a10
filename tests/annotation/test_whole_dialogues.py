"""Two whole dialogues that open alike are brought in and compared side by side."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.importing.pairs import import_pairs
from annotation.importing.reading import BadRowsError
from annotation.models import Assignment, Comparison, Item, Preference, Project, Prompt, Response
from tests.annotation.files import jsonl
from tests.annotation.test_work_pages import judge
from tests.factories import make_project
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


def says(*texts: str) -> list[dict[str, str]]:
    """A dialogue that the user opens."""
    return [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(texts)]


SHORT = says("Where is the ferry?", "At pier two.", "When?", "At six.")
LONG = says("Where is the ferry?", "It left.", "And the next?", "At nine.", "Thanks!", "Safe journey.")


@pytest.fixture
def project(annotator: User) -> Project:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2)
    project.annotators.add(annotator)
    return project


def row(one: Any = SHORT, other: Any = LONG, **fields: Any) -> dict[str, Any]:
    return {"dialogue_1": one, "dialogue_2": other} | fields


def test_a_pair_of_dialogues_becomes_an_item_about_what_they_share(project: Project) -> None:
    summary = import_pairs(jsonl(row(model_1="kestrel", model_2="gpt-4")), project)
    item = Item.objects.get()
    assert item.response_1 and item.response_2
    assert item.prompt.messages == says("Where is the ferry?")
    assert [*item.response_1.prompt.messages, {"role": "assistant", "content": item.response_1.text}] == SHORT
    assert [*item.response_2.prompt.messages, {"role": "assistant", "content": item.response_2.text}] == LONG
    assert str(item.response_1.model_version) == "kestrel"
    assert item.assignments.filter(status=Assignment.Status.OPEN).count() == 2
    assert (summary.rows, summary.new, summary.whole_dialogues, summary.places) == (1, 1, 1, 2)


@pytest.mark.parametrize(
    "written",
    [
        {"chosen": SHORT, "rejected": LONG},
        {"prompt": SHORT[:1], "chosen": SHORT[1:], "rejected": LONG},
        {
            "chosen": "\n\nHuman: Where is the ferry?\n\nAssistant: At pier two.\n\nHuman: When?\n\nAssistant: At six.",
            "rejected": "\n\nHuman: Where is the ferry?\n\nAssistant: It left.\n\nHuman: And the next?\n\nAssistant: "
            "At nine.\n\nHuman: Thanks!\n\nAssistant: Safe journey.",
        },
    ],
)
def test_trl_and_hh_files_bring_the_same_pair(project: Project, written: dict[str, Any]) -> None:
    import_pairs(jsonl(row()), project)
    assert import_pairs(jsonl(written), project).already_there == 1
    assert Item.objects.count() == 1


def test_a_pair_of_answers_to_one_prompt_is_one_too(project: Project) -> None:
    summary = import_pairs(jsonl({"prompt": "Why?", "chosen": "Because.", "rejected": "Why not?"}), project)
    item = Item.objects.get()
    assert item.response_1 and item.response_1.prompt == item.prompt and summary.whole_dialogues == 0


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"dialogue_1": SHORT}, "field dialogue_2 is missing"),
        (row(other=SHORT), "are the same dialogue"),
        (row(other=says("Where is the bus?", "Here.")), "must open with the same user's message"),
        (row(other=LONG[:-1]), "dialogue_2 must end with the assistant's message, got the user's"),
        (row(one=[{"role": "robot", "content": "Hm"}]), "role must be one of"),
    ],
)
def test_a_broken_row_is_named_and_nothing_is_imported(project: Project, broken: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRowsError) as error:
        import_pairs(jsonl(row(), broken), project)
    assert reason in str(error.value) and "line 2" in str(error.value)
    assert not Item.objects.exists() and not Prompt.objects.exists() and not Response.objects.exists()


def test_a_project_of_another_kind_takes_none() -> None:
    with pytest.raises(ValidationError, match="pairwise_evaluation"):
        import_pairs(jsonl(row()), make_project())


def test_the_command_says_what_became_of_the_file(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(row()) + "\n", encoding="utf-8")
    call_command("import_pairs", str(path), project=project.slug)
    assert f"1 pair for {project.slug}: 1 new, 0 already there" in capsys.readouterr().out
    path.write_text("{}\n", encoding="utf-8")
    with pytest.raises(CommandError, match="nothing was imported"):
        call_command("import_pairs", str(path), project=project.slug)


def test_the_page_shows_what_is_shared_once_and_each_continuation_on_its_side(client: Client, project: Project) -> None:
    shared = says("Where is the ferry?", "Which one?")
    one = [*shared, *says("The blue one.", "At pier two.")]
    other = [*shared, *says("Any.", "It left.", "And the next?", "At nine.")]
    import_pairs(jsonl(row(one, other)), project)
    client.post(f"/work/{project.slug}/take/")
    html = client.get(f"/work/{project.slug}/").content.decode()
    assert html.count("Where is the ferry?") == 1 and html.count("Which one?") == 1
    comparison = Comparison.objects.get()
    sides = {side: html[html.index(f'id="side-{side}"') :].split("</article>")[0] for side in "ab"}
    blue = "a" if comparison.response_a.text == "At pier two." else "b"
    grey = {"a": "b", "b": "a"}[blue]
    assert "The blue one." in sides[blue] and "At pier two." in sides[blue] and "And the next?" not in sides[blue]
    assert re.search(r"Any\..*It left\..*And the next\?.*At nine\.", sides[grey], re.DOTALL)
    assert "Dialogue A" in html and judge(client, comparison, 2) == 302
    assert Preference.objects.get().choice == "a"
