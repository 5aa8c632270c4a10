"""A file goes in whole or not at all, and once."""

import gzip
import io
import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from annotation.importing import storing
from annotation.importing.formats import FORMATS
from annotation.importing.loading import ImportSummary
from annotation.importing.reading import LONGEST_LINE, BadRowsError, FileError, json_lines, unpacked
from annotation.models import Comparison, Preference, Project, Prompt, Response
from modeling.registry.models import ModelVersion
from tests.annotation.files import fixture, imported, jsonl, trl_row
from tests.factories import make_model, make_project, make_prompt


def nothing_is_stored() -> bool:
    return not any(model._default_manager.exists() for model in (Project, Prompt, Response, Comparison, Preference))


@pytest.mark.django_db
def test_every_bad_row_is_named_with_its_line_and_nothing_is_imported() -> None:
    file = jsonl(trl_row(), "", "{not json", trl_row(margin="x"), "[1]", trl_row())
    with pytest.raises(BadRowsError) as error:
        imported(file)
    assert error.value.count == 3
    assert [line for line, _ in error.value.first] == [3, 4, 5]
    assert "line 4: margin must be a number or null" in str(error.value)
    assert nothing_is_stored()


@pytest.mark.django_db
def test_twenty_bad_rows_are_shown_and_the_rest_counted() -> None:
    with pytest.raises(BadRowsError) as error:
        imported(jsonl(*["nonsense"] * 25))
    assert error.value.count == 25
    assert "line 20: " in str(error.value)
    assert "line 21: " not in str(error.value)
    assert "... and 5 more" in str(error.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b'{"prompt": "\xff"}\n', "line 1: not UTF-8 text (byte 0xff at position 13)"),
        (b"\x89PNG\r\n\x1a\n\0\0", "line 1: not UTF-8 text (byte 0x89 at position 1)"),
        (gzip.compress(b"{}" * 5000)[:-9], "the gzip file is damaged"),
        (b"\x1f\x8bthis is no gzip", "the gzip file is damaged"),
        (b"[" * 100_000, "line 1: not valid JSON"),
        (b"x" * (LONGEST_LINE + 1), "line 1 is longer than 16 MB"),
    ],
    ids=["empty", "blank", "latin-1", "binary", "cut gzip", "no gzip", "deep", "long"],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(FileError) as error:
        imported(io.BytesIO(content))
    assert reason in str(error.value)
    assert nothing_is_stored()


def test_a_small_file_that_unpacks_to_a_large_one_is_refused() -> None:
    packed = io.BytesIO(gzip.compress(b"{}\n" * 2_000_000))
    with pytest.raises(FileError, match="unpacks to more than 1 MB"), unpacked(packed, most=2**20) as plain:
        list(json_lines(plain))


@pytest.mark.django_db
def test_packed_and_plain_files_hold_the_same() -> None:
    assert imported(fixture("hh.jsonl", packed=True), "hh").new == 3
    assert imported(fixture("hh.jsonl"), "hh").already_there == 3


@pytest.mark.django_db
def test_importing_twice_adds_nothing() -> None:
    rows = [trl_row(), trl_row(margin=2), trl_row(id="s-1"), trl_row()]
    first, second = imported(jsonl(*rows)), imported(jsonl(*reversed(rows)))
    assert (first.new, first.already_there, first.project_created) == (3, 1, True)
    assert (second.new, second.already_there, second.project_created) == (0, 4, False)
    assert (Comparison.objects.count(), Preference.objects.count(), Response.objects.count()) == (3, 3, 6)
    assert Prompt.objects.count() == 1


@pytest.mark.django_db
def test_a_file_larger_than_a_chunk_is_stored_whole_and_repeats_are_found_across_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("annotation.importing.loading.CHUNK", 2)
    rows = [trl_row(prompt=f"Question {number}?") for number in (1, 2, 3, 4, 5, 1)]
    summary = imported(jsonl(*rows))
    assert (summary.rows, summary.new, summary.already_there) == (6, 5, 1)


@pytest.mark.django_db
def test_a_failure_in_the_middle_of_storing_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotation.importing.loading.CHUNK", 1)
    add = storing.Store.add
    calls: list[Any] = []

    def stopping(self: storing.Store, pairs: Any) -> Any:
        if calls:
            raise KeyboardInterrupt
        calls.append(pairs)
        return add(self, pairs)

    monkeypatch.setattr(storing.Store, "add", stopping)
    with pytest.raises(KeyboardInterrupt):
        imported(jsonl(trl_row(), trl_row(id="2")))
    assert calls
    assert nothing_is_stored()


@pytest.mark.django_db
def test_a_dry_run_counts_and_stores_nothing() -> None:
    summary = imported(jsonl(trl_row(), trl_row()), dry_run=True)
    assert (summary.new, summary.already_there, summary.project_created) == (1, 1, True)
    assert nothing_is_stored()


@pytest.mark.django_db
def test_sides_are_drawn_and_tell_nothing() -> None:
    imported(jsonl(*[trl_row(prompt=f"Question {number}?", rating="better", margin=1) for number in range(400)]))
    chosen_left = Preference.objects.filter(choice="a")
    assert 160 <= chosen_left.count() <= 240  # four standard deviations around 200
    assert set(chosen_left.values_list("points", "comparison__response_a__text")) == {(2, "In the air.")}
    assert set(Preference.objects.filter(choice="b").values_list("points", "comparison__response_b__text")) == {
        (7, "In the air.")
    }


@pytest.mark.django_db
def test_an_imported_pair_is_done_and_knows_its_source_and_no_annotator() -> None:
    imported(jsonl(trl_row(id=12, batch="May")))
    comparison = Comparison.objects.get()
    assert (comparison.status, comparison.source, comparison.external_id) == ("done", "trl", "12")
    assert comparison.annotator is None
    assert comparison.batch is not None and comparison.batch.name == "May"
    assert comparison.batch.closed_at is not None  # so that what is collected here never mixes into it


@pytest.mark.django_db
def test_the_batch_that_was_asked_for_wins_over_the_rows_own() -> None:
    summary = imported(jsonl(trl_row(batch="May"), trl_row(id="2")), batch="June")
    assert [str(batch) for batch in summary.project.batches.all()] == ["June"]


@pytest.mark.django_db
def test_a_prompt_that_an_annotator_wrote_before_is_used_again() -> None:
    prompt = make_prompt(make_project(slug="swifts"), "Where do swifts sleep?")
    imported(jsonl(trl_row()))
    assert Comparison.objects.get().prompt == prompt


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "format_name", "reason"),
    [
        ({"dimension": "safety"}, "trl", 'project "swifts" is about safety, not helpfulness'),
        ({"task_type": "pairwise_evaluation"}, "trl", "is a pairwise_evaluation project and trl files hold preference"),
        ({}, "pandalm", "is a preference project and pandalm files hold pairwise_evaluation data"),
        ({"task_type": "pairwise_evaluation", "overlap": 2}, "pandalm", "has 2 annotators per item and pandalm"),
    ],
)
def test_a_project_that_collects_something_else_refuses_the_file(
    fields: dict[str, Any], format_name: str, reason: str
) -> None:
    make_project(slug="swifts", **fields)
    file = fixture("pandalm.jsonl") if format_name == "pandalm" else jsonl(trl_row())
    with pytest.raises(ValidationError) as error:
        imported(file, format_name)
    assert reason in str(error.value)
    assert not Comparison.objects.exists()


@pytest.mark.django_db
def test_a_slug_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="slug"):
        imported(jsonl(trl_row()), slug="no slug")
    assert nothing_is_stored()


@pytest.mark.django_db
def test_two_model_names_that_only_differ_in_dots_are_not_mixed_up() -> None:
    rows = [
        {"instruction": "Why?", "generator_1": "alder-1.5", "output_1": "So.", "generator_2": "alder-1-5"}
        | {"output_2": "Because.", "preference": 1.1}
    ]
    with pytest.raises(FileError, match="alder-1-5"):
        imported(jsonl(*rows), "alpaca_eval")
    assert nothing_is_stored()
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_a_reward_model_is_not_taken_for_the_author_of_an_answer() -> None:
    make_model("alder", kind=ModelVersion.Kind.SAFETY_REWARD)
    row = {"instruction": "Why?", "generator_1": "alder", "output_1": "So.", "generator_2": "birch"}
    with pytest.raises(FileError, match='"alder" is a safety reward model here'):
        imported(jsonl(row | {"output_2": "Because.", "preference": 1.1}), "alpaca_eval")
    assert nothing_is_stored()


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_store_it_once() -> None:
    rows = [trl_row(prompt=f"Question {number}?") for number in range(60)]
    make_project(slug="swifts")
    start, summaries, errors = threading.Barrier(4), [], []

    def run() -> None:
        try:
            start.wait()
            summaries.append(imported(jsonl(*rows)))
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(summary.new for summary in summaries) == [0, 0, 0, 60]
    assert Comparison.objects.count() == 60


def test_a_summary_reads_well() -> None:
    summary = ImportSummary(Project(slug="knots"), True, FORMATS["hh"], dry_run=False, rows=1200, new=1190)
    summary.left_out["an answer is empty"] = 10
    assert summary.lines()[:3] == [
        "1,200 rows of Anthropic HH for knots, a project made for them",
        "1,190 new pairs were imported, 0 already there",
        "10 left out: an answer is empty",
    ]
