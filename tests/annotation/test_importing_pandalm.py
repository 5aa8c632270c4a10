"""PandaLM's pairs become a pairwise evaluation by three people."""

import pytest
from django.contrib.auth import get_user_model

from annotation.importing.pandalm import RATERS, read
from annotation.importing.rows import RowError
from annotation.models import Assignment, Comparison, Item, Preference, Project, Response
from tests.annotation.files import fixture, imported

pytestmark = pytest.mark.django_db


def test_each_pair_is_an_item_that_three_people_have_judged() -> None:
    summary = imported(fixture("pandalm.jsonl"), "pandalm", "panda")
    project = summary.project
    assert summary.new == 3
    assert (project.task_type, project.overlap, project.scale) == ("pairwise_evaluation", 3, 7)
    assert Item.objects.filter(project=project).count() == 3
    assert Assignment.objects.filter(item__project=project, status="submitted").count() == 9
    item = Item.objects.get(assignments__comparisons__external_id="p-0", assignments__annotator__username=RATERS[0])
    assert item.response_1 is not None and item.response_2 is not None
    assert item.prompt.messages == [{"role": "user", "content": "Name the colour.\n\nGrass"}]
    assert item.prompt.category == "Crayons"
    assert (item.response_1.text, item.response_2.text) == ("Green.", "Blue.")


def test_a_judgement_is_a_side_without_points_and_response_1_is_a_for_everybody() -> None:
    imported(fixture("pandalm.jsonl"), "pandalm", "panda")
    said = Preference.objects.filter(comparison__external_id="p-2").order_by("comparison__annotator__username")
    assert [preference.choice for preference in said] == ["b", "tie", "b"]
    assert [preference.points for preference in said] == [None, None, None]
    for comparison in Comparison.objects.select_related("assignment__item"):
        assert comparison.assignment is not None
        assert comparison.response_a_id == comparison.assignment.item.response_1_id
        assert comparison.annotator == comparison.assignment.annotator


def test_what_a_model_answered_to_a_prompt_is_one_response_however_many_pairs_it_is_in() -> None:
    imported(fixture("pandalm.jsonl"), "pandalm", "panda")
    grass = Response.objects.filter(prompt__category="Crayons")
    assert sorted(grass.values_list("model_version__name", "text")) == [
        ("alder-7b", "Green."),
        ("birch-6-9B", "Blue."),
        ("cedar", ""),
    ]


def test_nobody_can_sign_in_as_one_of_the_people_who_judged() -> None:
    imported(fixture("pandalm.jsonl"), "pandalm", "panda")
    raters = get_user_model().objects.filter(username__startswith="pandalm-annotator-")
    assert raters.count() == 3
    for rater in raters:
        assert not rater.is_active
        assert not rater.has_usable_password()
        assert [group.name for group in rater.groups.all()] == ["annotator"]


def test_importing_twice_adds_nothing() -> None:
    imported(fixture("pandalm.jsonl"), "pandalm", "panda")
    again = imported(fixture("pandalm.jsonl"), "pandalm", "panda")
    assert (again.new, again.already_there, again.project_created) == (0, 3, False)
    assert (Item.objects.count(), Comparison.objects.count(), Preference.objects.count()) == (3, 9, 9)
    assert Project.objects.count() == 1


def test_a_word_that_became_a_json_value_is_read_back_as_the_word() -> None:
    imported(fixture("pandalm.jsonl"), "pandalm", "panda")
    assert Response.objects.filter(text="True", model_version__name="birch-6-9B").exists()


@pytest.mark.parametrize("verdict", [3, -1, "1", None, True])
def test_a_judgement_is_0_1_or_2(verdict: object) -> None:
    row = {
        "instruction": "x",
        "model_1": "a",
        "model_2": "b",
        "response_1": "c",
        "response_2": "d",
        "annotator_1": verdict,
    }
    with pytest.raises(RowError, match=r"annotator_1 must be 0 \(tie\), 1 or 2"):
        read(row)


def test_a_model_is_not_compared_with_itself() -> None:
    with pytest.raises(RowError, match="must be two models"):
        read({"instruction": "x", "model_1": "a", "model_2": "a"})
