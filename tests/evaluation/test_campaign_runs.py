"""A campaign's runs carry everything that a worker needs, and two never sample the same campaign at once."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from evaluation.campaigns import create_campaign, restart_sampling, start_sampling, start_scoring, take_prompts
from evaluation.models import Campaign
from modeling.registry.models import Job, ModelVersion, Run
from tests.factories import make_model, make_pair, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db

SETTINGS: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": 64, "seed": 5}


def local_model(name: str, **fields: object) -> ModelVersion:
    return make_model(name, backend=ModelVersion.Backend.LOCAL, path=f"checkpoints/{name}", **fields)


@pytest.fixture
def campaign() -> Campaign:
    return create_campaign("spring", "Spring", [local_model("b-model"), local_model("a-model")], raters_per_item=3)


def test_a_sampling_run_says_what_to_sample(campaign: Campaign) -> None:
    prompts = take_prompts(campaign, [make_prompt(make_project()) for _ in range(4)])
    manager = make_user("manager")
    run = start_sampling(campaign, prompts, **SETTINGS, user=manager)
    assert (run.kind, run.status, run.created_by) == (Run.Kind.CAMPAIGN_SAMPLING, Job.Status.QUEUED, manager)
    names = {"campaign": "spring", "models": ["a-model", "b-model"], "prompts": [prompt.pk for prompt in prompts]}
    assert run.config == names | SETTINGS
    assert set(run.inputs.all()) == set(campaign.model_versions.all())
    campaign.project.refresh_from_db()
    assert campaign.project.target == 4 * 3  # one pair per prompt, three raters


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": 3.5}, "temperature must be between 0 and 2, got 3.5"),
        ({"top_p": 0.0}, "top-p must be above 0 and at most 1, got 0"),
        ({"max_new_tokens": 0}, "max new tokens must be between 1 and 8192, got 0"),
    ],
)
def test_a_setting_out_of_range_is_named(campaign: Campaign, wrong: dict[str, float], message: str) -> None:
    prompts = take_prompts(campaign, [make_prompt(make_project())])
    with pytest.raises(ValidationError, match=message):
        start_sampling(campaign, prompts, **(SETTINGS | wrong))
    assert not Run.objects.exists()


def test_without_prompts_nothing_is_sampled(campaign: Campaign) -> None:
    with pytest.raises(ValidationError, match="at least one prompt"):
        start_sampling(campaign, [], **SETTINGS)


def test_a_name_without_a_checkpoint_cannot_be_sampled(campaign: Campaign) -> None:
    campaign.model_versions.add(make_model("only-a-name"))
    with pytest.raises(ValidationError, match="only-a-name has no checkpoint"):
        start_sampling(campaign, take_prompts(campaign, [make_prompt(make_project())]), **SETTINGS)


def test_a_campaign_is_not_sampled_twice_at_once(campaign: Campaign) -> None:
    prompts = take_prompts(campaign, [make_prompt(make_project())])
    start_sampling(campaign, prompts, **SETTINGS)
    with pytest.raises(ValidationError, match="is queued already"):
        start_sampling(campaign, prompts, **SETTINGS)
    assert Run.objects.count() == 1


def test_a_failed_sampling_goes_on_as_the_same_run(campaign: Campaign) -> None:
    run = start_sampling(campaign, take_prompts(campaign, [make_prompt(make_project())]), **SETTINGS)
    with pytest.raises(ValidationError, match="no failed or cancelled"):
        restart_sampling(campaign)
    Run.objects.update(status=Job.Status.FAILED, error="no such checkpoint")
    again = restart_sampling(campaign)
    assert (again.pk, again.config, again.status, again.error) == (run.pk, run.config, Job.Status.QUEUED, "")


def test_a_scoring_run_names_the_reward_model(campaign: Campaign) -> None:
    reward_model = local_model("judge", kind=ModelVersion.Kind.HELPFULNESS_REWARD)
    with pytest.raises(ValidationError, match="nothing to judge yet"):
        start_scoring(campaign, reward_model)
    one, two = campaign.model_versions.all()
    make_pair(campaign.project, one, two)
    run = start_scoring(campaign, reward_model)
    assert (run.kind, run.config) == (Run.Kind.SCORING, {"campaign": "spring", "reward_model": "judge"})


def test_a_policy_cannot_judge(campaign: Campaign) -> None:
    one, two = campaign.model_versions.all()
    make_pair(campaign.project, one, two)
    with pytest.raises(ValidationError, match="only a reward model can judge"):
        start_scoring(campaign, one)
