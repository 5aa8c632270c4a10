"""Campaigns of pairwise evaluation: making them, filling them with pairs of responses, starting their runs."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from annotation.models import Assignment, Item, Project, Prompt, Response
from evaluation.models import Campaign
from evaluation.scoring import check_judge
from modeling.registry.jobs import enqueue, reopen
from modeling.registry.models import Job, ModelVersion, Run

GUIDELINES = Path(__file__).parent / "guidelines"
"""What raters are told where nobody has written anything better, by dimension."""

Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above


@transaction.atomic
def create_campaign(
    slug: str,
    name: str,
    model_versions: Sequence[ModelVersion],
    raters_per_item: int = 3,
    dimension: str = Project.Dimension.HELPFULNESS,
    annotators: Iterable[Person] = (),
    user: Person | None = None,
) -> Campaign:
    """A campaign with the project that its raters work in; the two share slug and name.

    Raises ValidationError for fewer than two models, a taken slug, or a field out of its range.
    """
    if len(set(model_versions)) < 2:
        raise ValidationError("A campaign compares at least two model versions: choose another one.")
    if Project.objects.filter(slug=slug).exists():
        raise ValidationError(f'A project or campaign "{slug}" exists already: choose another name.')
    project = Project(
        slug=slug,
        name=name,
        task_type=Project.TaskType.PAIRWISE_EVALUATION,
        dimension=dimension,
        overlap=raters_per_item,
        own_prompts=False,
        max_turns=1,
        created_by=user,
    )
    project.full_clean()
    project.save()
    project.annotators.set(annotators)
    guideline = (GUIDELINES / f"{project.dimension}.md").read_text(encoding="utf-8")
    project.guidelines.create(number=1, text=guideline, created_by=user)
    campaign = Campaign.objects.create(slug=slug, name=name, project=project)
    campaign.model_versions.set(model_versions)
    return campaign


def campaign_of(project: Project) -> Campaign:
    """The campaign of a pairwise project, made from the models of its responses where an import left none."""
    if project.task_type != Project.TaskType.PAIRWISE_EVALUATION:
        raise ValueError(f'"{project.slug}" is a {project.task_type} project: campaigns need a pairwise one')
    with transaction.atomic():
        campaign, created = Campaign.objects.get_or_create(
            project=project, defaults={"slug": project.slug, "name": project.name}
        )
        if created:
            campaign.model_versions.set(ModelVersion.objects.filter(responses__in=responses_of(project)).distinct())
    return campaign


def find_campaign(slug: str) -> Campaign:
    """The campaign called `slug`, or that of an imported pairwise project of this slug.

    Raises Campaign.DoesNotExist, whose message lists what there is.
    """
    campaign = Campaign.objects.select_related("project").filter(slug=slug).first()
    if campaign:
        return campaign
    pairwise = pairwise_projects()
    project = pairwise.filter(slug=slug).first()
    if project:
        return campaign_of(project)
    known = ", ".join(pairwise.order_by("slug").values_list("slug", flat=True)) or "none yet"
    raise Campaign.DoesNotExist(f'There is no campaign "{slug}". Campaigns: {known}.')


def pairwise_projects() -> QuerySet[Project]:
    return Project.objects.filter(task_type=Project.TaskType.PAIRWISE_EVALUATION)


def responses_of(project: Project) -> QuerySet[Response]:
    """The responses that a pairwise project's items compare."""
    items = Item.objects.filter(project=project)
    return Response.objects.filter(Q(pk__in=items.values("response_1")) | Q(pk__in=items.values("response_2")))


@transaction.atomic
def take_prompts(campaign: Campaign, prompts: Iterable[Prompt]) -> list[Prompt]:
    """Copies of `prompts` (stored ones or new ones) in the campaign's own project; one for each different context.

    A copy keeps the side of the split, which was fixed when the prompt was first stored.
    """
    copies = {}
    for prompt in prompts:
        if not prompt.digest:
            prompt.fix_identity()
        copies[prompt.digest] = Prompt(
            project=campaign.project,
            messages=prompt.messages,
            digest=prompt.digest,
            split=prompt.split,
            category=prompt.category,
            risk_category=prompt.risk_category,
            attack_vector=prompt.attack_vector,
            source=prompt.source,
            external_id=prompt.external_id,
            author=prompt.author,
        )
    Prompt.objects.bulk_create(copies.values(), ignore_conflicts=True)
    return list(campaign.project.prompts.filter(digest__in=copies).order_by("pk"))


@transaction.atomic
def add_pair(campaign: Campaign, prompt: Prompt, response_1: Response, response_2: Response) -> Item:
    """An item that compares two responses, with an open place for each rater; the same pair again is the same item.

    Both answer the prompt, or end dialogues that go on from it: then the two whole dialogues are compared.
    """
    for response in (response_1, response_2):
        if response.prompt_id != prompt.pk and response.prompt.messages[: len(prompt.messages)] != prompt.messages:
            raise ValueError(
                f"response {response.pk} answers prompt {response.prompt_id}, expected {prompt.pk} or a dialogue that "
                "goes on from it"
            )
    item, created = Item.objects.get_or_create(
        project=campaign.project, prompt=prompt, response_1=response_1, response_2=response_2
    )
    if created:
        Assignment.objects.bulk_create(Assignment(item=item) for _ in range(campaign.project.overlap))
    return item


@transaction.atomic
def start_sampling(
    campaign: Campaign,
    prompts: Sequence[Prompt],
    temperature: float,
    top_p: float,
    max_new_tokens: int,
    seed: int,
    user: Person | None = None,
) -> Run:
    """Queue the run that samples an answer of every model to every prompt and adds a pair for every two of them.

    prompts: of the campaign's own project (`take_prompts`). Raises ValidationError when there are none, a setting
    is out of range, a model has no checkpoint, or the campaign is being sampled already.
    """
    models = list(campaign.model_versions.order_by("name"))
    check_sampling(temperature, top_p, max_new_tokens)
    if not prompts:
        raise ValidationError("A campaign needs at least one prompt: choose a project with prompts or upload a file.")
    for model in models:
        if model.backend == ModelVersion.Backend.NAME_ONLY:
            raise ValidationError(f"{model} has no checkpoint to sample from: it is only a name in imported data.")
    _refuse_a_second(campaign, Run.Kind.CAMPAIGN_SAMPLING)
    campaign.project.target = len(prompts) * len(list(combinations(models, 2))) * campaign.project.overlap
    campaign.project.save(update_fields=["target"])
    config = {
        "campaign": campaign.slug,
        "models": [model.name for model in models],
        "prompts": [prompt.pk for prompt in prompts],
        "temperature": temperature,
        "top_p": top_p,
        "max_new_tokens": max_new_tokens,
        "seed": seed,
    }
    return _start(Run.Kind.CAMPAIGN_SAMPLING, campaign.slug, config, models, user)


@transaction.atomic
def restart_sampling(campaign: Campaign) -> Run:
    """Queue the campaign's last sampling run again, when it failed or was cancelled. Raises ValidationError else."""
    last = runs_of(campaign).filter(kind=Run.Kind.CAMPAIGN_SAMPLING).first()
    if last is None or not reopen(last):
        raise ValidationError("There is no failed or cancelled sampling run to start again.")
    return last


@transaction.atomic
def start_scoring(campaign: Campaign, reward_model: ModelVersion, user: Person | None = None) -> Run:
    """Queue the run that stores the reward model's score of each of the campaign's responses."""
    check_judge(reward_model)
    if not campaign.project.items.exists():
        raise ValidationError("There is nothing to judge yet: the campaign has no pairs of answers.")
    _refuse_a_second(campaign, Run.Kind.SCORING)
    config: dict[str, Any] = {"campaign": campaign.slug, "reward_model": reward_model.name}
    return _start(Run.Kind.SCORING, f"{campaign.slug}-{reward_model.name}"[:100], config, [reward_model], user)


def runs_of(campaign: Campaign) -> QuerySet[Run]:
    """The campaign's sampling, scoring and judging runs, newest first."""
    kinds = (Run.Kind.CAMPAIGN_SAMPLING, Run.Kind.SCORING, Run.Kind.JUDGING)
    return Run.objects.filter(kind__in=kinds, config__campaign=campaign.slug)


def check_sampling(temperature: float, top_p: float, max_new_tokens: int) -> None:
    if not 0 <= temperature <= 2:
        raise ValidationError(f"temperature must be between 0 and 2, got {temperature:g}")
    if not 0 < top_p <= 1:
        raise ValidationError(f"top-p must be above 0 and at most 1, got {top_p:g}")
    if not 1 <= max_new_tokens <= 8192:
        raise ValidationError(f"max new tokens must be between 1 and 8192, got {max_new_tokens}")


def _refuse_a_second(campaign: Campaign, kind: Run.Kind) -> None:
    Campaign.objects.select_for_update().get(pk=campaign.pk)  # who asks at the same time waits here, and then sees ours
    unfinished = runs_of(campaign).filter(kind=kind, status__in=(Job.Status.QUEUED, Job.Status.RUNNING)).first()
    if unfinished:
        raise ValidationError(f"{unfinished} is {unfinished.status} already: wait for its end or cancel it first.")


def _start(kind: Run.Kind, name: str, config: dict[str, Any], inputs: list[ModelVersion], user: Person | None) -> Run:
    run = Run.objects.create(kind=kind, name=name, config=config, created_by=user)
    run.inputs.set(inputs)
    enqueue(run)
    return run
