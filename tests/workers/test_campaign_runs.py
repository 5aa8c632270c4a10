"""A campaign's answers are sampled and scored by runs that never do a thing twice."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Assignment, Item, Prompt, Response
from evaluation.campaigns import create_campaign, start_sampling, start_scoring, take_prompts
from evaluation.models import Campaign, Score
from modeling.registry.jobs import claim
from modeling.registry.models import Job, ModelVersion, Run
from tests.workers.conftest import local_model
from workers.carrying import ShouldStop, Stopped, carry_out
from workers.runs import execute

pytestmark = pytest.mark.django_db
Models = tuple[ModelVersion, ModelVersion]
QUESTIONS = ("Where is the lighthouse?", "What does a tower ticket cost?", "Who works at the Clock Tower?")


@pytest.fixture
def campaign(models: Models) -> Campaign:
    return create_campaign("contest", "Contest", models, raters_per_item=3)


@pytest.fixture
def prompts(campaign: Campaign) -> list[Prompt]:
    return take_prompts(campaign, [Prompt(messages=[{"role": "user", "content": text}]) for text in QUESTIONS])


@pytest.fixture
def judge(tmp_path_factory: pytest.TempPathFactory, models: Models) -> ModelVersion:
    """A reward model whose head is the same small number everywhere."""
    import torch

    from modeling.checkpoints import new_reward_model, save
    from tests.workers.conftest import CAREFUL

    model, tokenizer = new_reward_model(CAREFUL)
    torch.nn.init.constant_(model.score.weight, 0.01)
    folder = tmp_path_factory.mktemp("judge") / "model"
    save(model, tokenizer, folder)
    return local_model("judge", folder, kind=ModelVersion.Kind.HELPFULNESS_REWARD)


def sampling(campaign: Campaign, prompts: list[Prompt]) -> Run:
    return start_sampling(campaign, prompts, temperature=0.7, top_p=0.95, max_new_tokens=40, seed=1)


def executed(run: Run) -> Run:
    job = claim(Run, run.pk)
    assert job is not None
    carry_out(job, execute)
    run.refresh_from_db()
    return run


def test_every_model_answers_every_prompt_and_each_pair_gets_its_raters(
    campaign: Campaign, prompts: list[Prompt], models: Models
) -> None:
    run = executed(sampling(campaign, prompts))
    assert (run.status, run.error, run.progress) == (Job.Status.DONE, "", 1.0)
    assert (run.report["sampled"], run.report["pairs"]) == (6, 3)
    for model in models:
        answers = Response.objects.filter(model_version=model)
        assert {answer.prompt_id for answer in answers} == {prompt.pk for prompt in prompts}
        assert all(answer.text and answer.seed is not None and answer.temperature == 0.7 for answer in answers)
    assert Item.objects.filter(project=campaign.project).count() == 3
    assert Assignment.objects.filter(item__project=campaign.project, status="open").count() == 9


def test_an_interrupted_sampling_goes_on_without_sampling_anything_twice(
    campaign: Campaign, prompts: list[Prompt]
) -> None:
    run = sampling(campaign, prompts)
    answers_wanted = 4

    def stop_in_the_middle(run: Run, should_stop: ShouldStop) -> None:
        execute(run, lambda: Response.objects.count() >= answers_wanted)

    job = claim(Run, run.pk)
    assert job is not None
    with pytest.raises(Stopped):
        stop_in_the_middle(job, lambda: False)
    kept = set(Response.objects.values_list("pk", flat=True))
    assert len(kept) == answers_wanted
    Run.objects.update(status=Job.Status.QUEUED)
    run = executed(run)
    assert (run.status, run.report["sampled"]) == (Job.Status.DONE, 2)
    assert kept < set(Response.objects.values_list("pk", flat=True))
    assert Response.objects.count() == 6
    assert Item.objects.count() == 3


def test_a_reward_model_scores_every_answer_once(
    campaign: Campaign, prompts: list[Prompt], judge: ModelVersion
) -> None:
    executed(sampling(campaign, prompts))
    run = executed(start_scoring(campaign, judge))
    assert (run.status, run.error, run.report["scored"]) == (Job.Status.DONE, "", 6)
    values = dict(Score.objects.values_list("response", "value"))
    assert len(values) == 6 and len(set(values.values())) > 1

    from modeling.scoring import score
    from workers.loading import reward_model_of

    response = Response.objects.select_related("prompt").earliest("pk")
    [alone] = score(reward_model_of(judge), [(response.prompt.messages, response.text)])
    assert values[response.pk] == pytest.approx(alone, abs=1e-4)

    again = executed(start_scoring(campaign, judge))
    assert again.report["scored"] == 0
    assert Score.objects.count() == 6


def test_the_command_scores_and_refuses(campaign: Campaign, prompts: list[Prompt], judge: ModelVersion) -> None:
    def score_campaign(slug: str, reward_model: str) -> str:
        output = StringIO()
        call_command("score_campaign", campaign=slug, reward_model=reward_model, stdout=output, stderr=StringIO())
        return output.getvalue().splitlines()[-1]

    for slug, reward_model, reason in (
        ("nope", "judge", "Campaigns: contest"),
        ("contest", "nope", "Reward models: judge"),
        ("contest", "careful", "only a reward model can judge"),
        ("contest", "judge", "no pairs of answers"),
    ):
        with pytest.raises(CommandError, match=reason):
            score_campaign(slug, reward_model)
    assert not Run.objects.exists()
    executed(sampling(campaign, prompts))
    figures = json.loads(score_campaign("contest", "judge"))
    assert (figures["campaign"], figures["reward_model"], figures["scored"]) == ("contest", "judge", 6)


def test_a_model_that_is_gone_fails_the_run_and_says_which(campaign: Campaign, prompts: list[Prompt]) -> None:
    run = sampling(campaign, prompts)
    ModelVersion.objects.filter(name="careless").update(path="/nowhere/careless")
    run = executed(run)
    assert run.status == Job.Status.FAILED
    assert "/nowhere/careless is not a folder" in run.error
    assert not Item.objects.exists()
