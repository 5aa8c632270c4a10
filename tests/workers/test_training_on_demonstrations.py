"""What people write as ideal answers is what supervised fine-tuning learns from."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from annotation.models import Assignment, Demonstration, Project, Prompt
from modeling.registry.models import ModelVersion
from tests.factories import make_item, make_project, make_prompt, make_user
from tests.workers.conftest import local_model
from tests.workers.test_training_recipes import command
from workers.recipes import DPO
from workers.starting import Order, start_training

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def quiet_machine(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RUNS_DIR = tmp_path / "runs"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def written() -> Project:
    """Four demonstrations that train, one that is held out, one that does not count any more."""
    project = make_project(slug="ideal", task_type=Project.TaskType.DEMONSTRATION)
    for number, split in enumerate(["train"] * 4 + ["test", "train"]):
        item = make_item(project, make_prompt(project, f"Where is house {number} of Mill Lane?"))
        Prompt.objects.filter(pk=item.prompt_id).update(split=split)
        place = item.assignments.get()
        Assignment.objects.filter(pk=place.pk).update(status="submitted", annotator=make_user())
        answer = f"House {number} is beside the harbour wall."
        Demonstration.objects.create(assignment=place, prompt=item.prompt, text=answer, current=number < 5)
    return project


def test_a_model_is_fine_tuned_on_what_people_wrote(written: Project) -> None:
    local_model("guide", licence="Apache-2.0")
    command("train_sft", project=["ideal"], base="guide", name="taught", epochs=1, batch_size=4, max_length=256)
    taught = ModelVersion.objects.get(name="taught")
    run = taught.made_by.get()
    data = Path(run.folder) / "data"
    trained, tested = (
        [json.loads(line) for line in (data / name).read_text().splitlines()] for name in ("train.jsonl", "test.jsonl")
    )
    assert [row["messages"][-1]["content"] for row in trained] == [
        f"House {number} is beside the harbour wall." for number in range(4)
    ]
    assert [row["messages"][0]["content"] for row in tested] == ["Where is house 4 of Mill Lane?"]
    assert {row["source"] for row in trained} == {"ideal"}


def test_demonstrations_are_no_preferences(written: Project) -> None:
    order = Order(recipe=DPO, name="x", models={"base": local_model("guide")}, projects=[written])
    with pytest.raises(ValidationError, match="holds demonstrations: they are what train_sft learns from"):
        start_training(order)
