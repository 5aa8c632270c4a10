"""Campaigns are made whole or not at all, and hold what they compare in a project of their own."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from annotation.models import Assignment, Item, Project, Response
from evaluation.campaigns import add_pair, campaign_of, create_campaign, find_campaign, take_prompts
from evaluation.models import Campaign
from tests.factories import make_judgement, make_model, make_pair, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db
PAIRWISE = Project.TaskType.PAIRWISE_EVALUATION


def a_campaign(**fields: Any) -> Campaign:
    return create_campaign("spring", "Spring", [make_model("left"), make_model("right")], **fields)


def test_it_has_a_project_of_its_own_for_its_raters() -> None:
    rater = make_user()
    campaign = a_campaign(raters_per_item=2, dimension="safety", annotators=[rater])
    project = campaign.project
    assert (project.slug, project.task_type, project.overlap, project.scale) == ("spring", PAIRWISE, 2, 7)
    assert project.is_safety and not project.own_prompts
    assert list(project.annotators.all()) == [rater]
    assert {model.name for model in campaign.model_versions.all()} == {"left", "right"}


def test_it_needs_two_different_models() -> None:
    model = make_model()
    with pytest.raises(ValidationError, match="at least two model versions"):
        create_campaign("alone", "Alone", [model, model])
    assert not Project.objects.exists()


def test_a_taken_name_is_refused_and_nothing_is_left_behind() -> None:
    make_project(slug="spring")
    with pytest.raises(ValidationError, match='"spring" exists already'):
        a_campaign()
    assert not Campaign.objects.exists()


def test_more_raters_than_a_project_allows_are_refused() -> None:
    with pytest.raises(ValidationError):
        a_campaign(raters_per_item=21)
    assert not Project.objects.exists()


def test_prompts_are_copied_with_their_side_of_the_split_and_once_each() -> None:
    campaign = a_campaign()
    source = make_project()
    prompt = make_prompt(source, "Which bridge?", category="town")
    prompt.split = "test" if prompt.split == "train" else "train"  # as if the share had been another when it was stored
    prompt.save()
    taken = take_prompts(campaign, [prompt, prompt])
    assert [copy.project for copy in taken] == [campaign.project]
    assert (taken[0].messages, taken[0].category, taken[0].split) == (prompt.messages, "town", prompt.split)
    assert take_prompts(campaign, [prompt]) == taken
    assert source.prompts.count() == 1


def test_a_pair_has_an_open_place_for_each_rater_and_exists_once() -> None:
    campaign = a_campaign(raters_per_item=3)
    prompt = make_prompt(campaign.project)
    one, two = (Response.objects.create(prompt=prompt, text=text) for text in "ab")
    item = add_pair(campaign, prompt, one, two)
    assert add_pair(campaign, prompt, one, two) == item
    assert [place.status for place in item.assignments.all()] == [Assignment.Status.OPEN] * 3


def test_a_pair_of_answers_to_different_prompts_is_refused() -> None:
    campaign = a_campaign()
    prompt, other = make_prompt(campaign.project), make_prompt(campaign.project)
    one, two = Response.objects.create(prompt=prompt), Response.objects.create(prompt=other)
    with pytest.raises(ValueError, match=f"answers prompt {other.pk}, expected {prompt.pk}"):
        add_pair(campaign, prompt, one, two)
    assert not Item.objects.exists()


def test_an_imported_project_becomes_a_campaign_of_the_models_in_it() -> None:
    project = make_project(slug="outside", task_type=PAIRWISE)
    make_model("bystander")
    item = make_pair(project, make_model("left"), make_model("right"))
    make_judgement(item, make_user(), choice="a")
    campaign = find_campaign("outside")
    assert campaign == find_campaign("outside") == campaign_of(project)
    assert {model.name for model in campaign.model_versions.all()} == {"left", "right"}


def test_a_project_of_another_task_is_no_campaign() -> None:
    make_project(slug="preferences")
    a_campaign()
    with pytest.raises(Campaign.DoesNotExist, match=r'no campaign "preferences".*: spring'):
        find_campaign("preferences")
