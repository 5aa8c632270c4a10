"""Prompts from a file become items with open places."""

import io
import json
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from annotation.importing.prompts import add_prompts, import_prompts, read_prompts
from annotation.importing.reading import BadRowsError, FileError
from annotation.models import Assignment, Item, Prompt
from tests.annotation.files import FIXTURES, fixture, jsonl
from tests.factories import make_project, make_prompt

pytestmark = pytest.mark.django_db


def test_each_prompt_is_an_item_with_as_many_open_places_as_the_overlap() -> None:
    project = make_project(overlap=2)
    summary = import_prompts(fixture("prompts.csv"), project)
    assert (summary.new, summary.already_there, summary.places) == (2, 0, 4)
    assert Assignment.objects.filter(item__project=project, status="open", annotator=None).count() == 4
    first, second = Prompt.objects.order_by("external_id")
    assert first.messages == [{"role": "user", "content": "How tall is a heron,\nstanding up?"}]
    assert (first.category, first.external_id) == ("birds", "q1")
    assert (second.risk_category, second.attack_vector) == ("illicit and criminal activities", "psychological")
    assert {first.split, second.split} <= {"train", "test"}


def test_importing_twice_adds_nothing_even_from_another_kind_of_file() -> None:
    project = make_project(overlap=2)
    import_prompts(fixture("prompts.csv", packed=True), project)
    rows = [{"prompt": prompt.text} for prompt in Prompt.objects.all()]
    again = import_prompts(jsonl(*rows, *rows), project)
    assert (again.new, again.already_there, again.places) == (0, 4, 0)
    assert (Item.objects.count(), Assignment.objects.count()) == (2, 4)


def test_a_prompt_that_somebody_wrote_becomes_an_item_too() -> None:
    project = make_project()
    prompt = make_prompt(project, "How deep is the harbour?")
    assert import_prompts(jsonl({"prompt": "How deep is the harbour?"}), project).new == 1
    assert Item.objects.get().prompt == prompt


def test_messages_are_a_dialogue_so_far_and_the_first_of_turns_is_the_prompt() -> None:
    dialogue = [
        {"role": "user", "content": "Name a knot."},
        {"role": "assistant", "content": "Bowline."},
        {"role": "user", "content": "Another."},
    ]
    import_prompts(jsonl({"messages": dialogue}, {"turns": ["Name a tree.", "Shorter."]}), make_project())
    assert [prompt.messages for prompt in Prompt.objects.order_by("pk")] == [
        dialogue,
        [{"role": "user", "content": "Name a tree."}],
    ]


def test_prompts_join_the_batch_by_name_or_else_the_open_one() -> None:
    project = make_project()
    open_batch = project.batches.create(number=1)
    import_prompts(jsonl({"prompt": "One?"}), project)
    import_prompts(jsonl({"prompt": "Two?"}), project, batch="June")
    one, two = Item.objects.order_by("pk")
    assert one.batch == open_batch
    assert two.batch is not None and (two.batch.name, two.batch.number) == ("June", 2)
    import_prompts(jsonl({"prompt": "Three?"}), project, batch="June")
    assert project.batches.count() == 2


def test_a_new_batch_closes_the_one_before() -> None:
    project = make_project()
    before = project.batches.create(number=1)
    import_prompts(jsonl({"prompt": "Two?"}), project, batch="June")
    assert [str(batch) for batch in project.batches.filter(closed_at=None)] == ["June"]
    before.refresh_from_db()
    assert before.closed_at is not None


def test_a_pairwise_evaluation_gets_the_prompts_alone() -> None:
    project = make_project(task_type="pairwise_evaluation")
    first, again = (import_prompts(fixture("prompts.csv"), project) for _ in range(2))
    assert (first.new, first.places, again.new) == (2, 0, 0)
    assert not Item.objects.exists()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "Hm?"}, "expected a field prompt, messages or turns, got question"),
        ({}, "got none"),
        ({"prompt": "  "}, "prompt must not be empty"),
        ({"prompt": 4}, "prompt must be text, got 4"),
        ({"turns": "Hm?"}, 'turns must be a list of texts, got "Hm?"'),
        ({"turns": [4]}, "turns, text 1 must be text, got 4"),
        ({"messages": [{"role": "assistant", "content": "Hm."}]}, "must open with a user's message"),
        ({"prompt": "Hm?", "category": "c" * 101}, "category must have at most 100 characters, got 101"),
    ],
)
def test_a_broken_row_is_named_and_nothing_is_imported(row: dict[str, object], reason: str) -> None:
    with pytest.raises(BadRowsError) as error:
        import_prompts(jsonl({"prompt": "Sound?"}, row), make_project())
    assert [line for line, _ in error.value.first] == [2]
    assert reason in str(error.value)
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"id,prompt\n", "the file is empty"),
        (b"id,prompt\n1,a,b\n", "line 2: more values than the 2 fields of the first line"),
        (b"id,question\n1,a\n", "line 2: expected a field prompt, messages or turns, got id, question"),
        (b'id,prompt\n1,"never closed\n', "line 2 is not valid CSV"),
        (b"id,prompt\n1,\xff\n", "line 2 is not UTF-8 text"),
    ],
)
def test_a_csv_file_that_cannot_be_read_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(FileError) as error:
        import_prompts(io.BytesIO(content), make_project())
    assert reason in str(error.value)
    assert not Prompt.objects.exists()


class BlankLines(io.BytesIO):
    """A file of blank lines without end, of which only so many are read before the test fails."""

    lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self.lines += 1
        assert self.lines < 20_000, "it went on reading"
        return b"\n"


def test_blank_lines_without_end_are_given_up_soon() -> None:
    with pytest.raises(FileError, match="unpacks to more than 1 MB"):
        read_prompts(BlankLines(), most=2**20)


def test_an_archived_project_takes_no_prompts() -> None:
    with pytest.raises(ValidationError, match="is archived"):
        add_prompts(make_project(archived_at=timezone.now()), [])


def test_a_byte_order_mark_is_no_part_of_the_first_field(tmp_path: Path) -> None:
    marked = io.BytesIO(b"\xef\xbb\xbfprompt\nWhat now?\n")
    assert import_prompts(marked, make_project()).new == 1
    marked = io.BytesIO(b"\xef\xbb\xbf" + json.dumps({"prompt": "What then?"}).encode())
    assert import_prompts(marked, make_project()).new == 1


def test_the_fixture_holds_a_line_break_inside_a_prompt() -> None:
    assert (FIXTURES / "prompts.csv").read_text().count("\n") == 4
