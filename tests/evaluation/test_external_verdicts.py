"""Verdicts that judges gave elsewhere come in from a file, about items that are there, all of them or none."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.importing.reading import BadRowsError, FileError
from annotation.models import Item
from evaluation.campaigns import create_campaign
from evaluation.external_verdicts import import_verdicts
from evaluation.models import Campaign, Judgement
from modeling.registry.models import ModelVersion
from tests.factories import make_model, make_pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return create_campaign("spring", "Spring", [make_model("x-model"), make_model("y-model")], raters_per_item=1)


@pytest.fixture
def item(campaign: Campaign) -> Item:
    first, second = campaign.model_versions.order_by("name")
    return make_pair(campaign.project, first, second)


def rows(*found: dict[str, Any]) -> io.BytesIO:
    return io.BytesIO("\n".join(json.dumps(row) for row in found).encode())


@pytest.mark.parametrize(
    ("said", "preference"),
    [
        ({"verdict": 1}, 1.0),
        ({"verdict": "B"}, 0.0),
        ({"verdict": "tie"}, 0.5),
        ({"preference": 0.25}, 0.25),
        ({"verdict": "garbage"}, None),
        ({"verdict": None}, None),
        ({"preference": float("nan")}, None),
        ({"preference": 1.5}, None),
    ],
)
def test_a_verdict_is_about_the_items_own_responses(
    campaign: Campaign, item: Item, said: dict[str, Any], preference: float | None
) -> None:
    import_verdicts(rows({"item": item.pk, "judge": "oracle", **said}), campaign)
    row = Judgement.objects.get()
    assert (row.first, row.second, row.preference) == (item.response_1, item.response_2, preference)
    assert bool(row.failure) == (preference is None)
    assert row.judge.backend == ModelVersion.Backend.NAME_ONLY and row.template.imported


def test_the_order_says_which_response_stood_first(campaign: Campaign, item: Item) -> None:
    import_verdicts(rows({"item": item.pk, "judge": "oracle", "verdict": 1, "order": "21"}), campaign)
    row = Judgement.objects.get()
    assert (row.first, row.preference) == (item.response_2, 0.0)


def test_csv_comes_in_as_well(campaign: Campaign, item: Item) -> None:
    text = f"item,verdict,order\n{item.pk},2,12\n{item.pk},2,21\n"
    summary = import_verdicts(io.BytesIO(text.encode()), campaign, judge="oracle")
    assert (summary.new, summary.judges) == (2, ["oracle"])
    assert set(Judgement.objects.values_list("preference", flat=True)) == {0.0, 1.0}


def test_the_same_file_again_adds_nothing_and_another_verdict_is_refused(campaign: Campaign, item: Item) -> None:
    said = {"item": item.pk, "judge": "oracle", "verdict": 1}
    import_verdicts(rows(said), campaign)
    again = import_verdicts(rows(said), campaign)
    assert (again.new, again.already_there) == (0, 1)
    with pytest.raises(FileError, match="verdicts are never changed"):
        import_verdicts(rows(said | {"verdict": 2}), campaign)
    assert Judgement.objects.get().preference == 1.0


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"item": 10**6}, "no item"),
        ({"judge": None}, "no judge is named"),
        ({"order": "13"}, "order must be 12 or 21"),
        ({"sample": -1}, "sample must be a whole number"),
    ],
)
def test_one_broken_row_keeps_all_out(campaign: Campaign, item: Item, wrong: dict[str, Any], reason: str) -> None:
    good = {"item": item.pk, "judge": "oracle", "verdict": 1}
    with pytest.raises(BadRowsError, match=reason):
        import_verdicts(rows(good, good | {"sample": 1} | wrong), campaign)
    assert not Judgement.objects.exists()


def test_the_command_says_what_became_of_the_file(campaign: Campaign, item: Item, tmp_path: Path) -> None:
    file, output = tmp_path / "verdicts.jsonl", io.StringIO()
    file.write_bytes(rows({"item": item.pk, "verdict": 1}).getvalue())
    call_command("evaluate", "import-verdicts", str(file), campaign="spring", judge="oracle", stdout=output)
    assert "1 row for spring, by oracle: 1 new verdicts" in output.getvalue()
    with pytest.raises(CommandError, match="no judge is named"):
        call_command("evaluate", "import-verdicts", str(file), campaign="spring")
    with pytest.raises(CommandError, match="can't be read"):
        call_command("evaluate", "import-verdicts", str(tmp_path / "none"), campaign="spring")
    with pytest.raises(CommandError, match='There is no campaign "autumn"'):
        call_command("evaluate", "import-verdicts", str(file), campaign="autumn")


def test_the_audit_and_the_combination_are_told_in_the_terminal(campaign: Campaign, item: Item) -> None:
    with pytest.raises(CommandError, match="No judge has said anything"):
        call_command("evaluate", "judges", campaign="spring")
    import_verdicts(rows({"item": item.pk, "judge": "oracle", "verdict": 1}), campaign)
    output = io.StringIO()
    call_command("evaluate", "judges", campaign="spring", stdout=output)
    assert "The verdicts of oracle come from a file" in output.getvalue()
    output = io.StringIO()
    call_command("evaluate", "combine", campaign="spring", judge="oracle", stdout=output)
    assert "No item has both a human label" in output.getvalue()
    with pytest.raises(CommandError, match="no verdicts of nobody"):
        call_command("evaluate", "combine", campaign="spring", judge="nobody")
    with pytest.raises(CommandError, match="--rehearse must be between 1 and the 0 prompts"):
        call_command("evaluate", "combine", campaign="spring", judge="oracle", rehearse=5)
