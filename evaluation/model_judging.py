"""Judge models: what they are to be asked about a project's answers, what that will cost, and starting the run.

Questions are asked in an order drawn by hash, so that a run that ends early, at its limit or its budget, has judged a
random part of the items.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Avg, F
from django.utils import translation

from annotation import blinding, identity
from annotation.filling import RATING_TASKS
from annotation.models import Item, Project, Prompt, Response
from annotation.models.prompts import Messages
from evaluation.campaigns import responses_of
from evaluation.models import Judgement, JudgeTemplate
from evaluation.questioning import PAIR, Template, parse_template, question, shipped_guidelines
from modeling.registry.jobs import enqueue
from modeling.registry.models import Job, ModelVersion, Run

Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above

BOTH, RANDOM = "both", "random"
MOST_SAMPLES = 20
MOST_AT_ONCE = 64
CHARACTERS_PER_TOKEN = 4
"""About, of English; a forecast rests on it, and no bill."""
CHUNK = 100
HIDDEN = "[model name hidden]"


@dataclass(frozen=True, kw_only=True)
class JudgeOrder:
    """What a judge is to be asked, and how."""

    project: Project
    judge: ModelVersion
    template: JudgeTemplate
    orders: str = BOTH
    """both: each pair twice, with either answer first; random: once, in an order drawn by hash."""
    samples: int = 1
    limit: int | None = None
    """Items, at most."""
    concurrency: int = 8
    price_in: float | None = None
    """Per million tokens of the question."""
    price_out: float | None = None
    budget: float | None = None
    """No question is asked that could cost more than what is left of it."""
    reask: bool = False
    """Whether replies that could not be read are asked for again."""

    @cached_property
    def question(self) -> Template:
        """The template, with the settings that the row was made with."""
        return replace(
            parse_template(self.template.name, self.template.text),
            temperature=self.template.temperature,
            max_new_tokens=self.template.max_new_tokens,
        )

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float | None:
        """None where no price is known."""
        if self.price_in is None and self.price_out is None:
            return None
        return (prompt_tokens * (self.price_in or 0.0) + completion_tokens * (self.price_out or 0.0)) / 1e6

    def config(self) -> dict[str, Any]:
        """As a run keeps it."""
        named = {"project": self.project.slug, "judge": self.judge.name, "template": self.template.digest}
        settings = ("orders", "samples", "limit", "concurrency", "price_in", "price_out", "budget", "reask")
        return named | {"template_name": self.template.name} | {name: getattr(self, name) for name in settings}


def order_of(config: dict[str, Any]) -> JudgeOrder:
    """The order that a run's config states. Raises DoesNotExist of whatever is not there any more."""
    settings = ("orders", "samples", "limit", "concurrency", "price_in", "price_out", "budget", "reask")
    return JudgeOrder(
        project=Project.objects.get(slug=config["project"]),
        judge=ModelVersion.objects.get(name=config["judge"]),
        template=JudgeTemplate.objects.get(digest=config["template"]),
        **{name: config[name] for name in settings},
    )


class Wanted(NamedTuple):
    """One judgement that is to be had: rows by key. prompt: what both answers go on from."""

    prompt: int
    first: int
    second: int | None
    sample: int
    attempt: int


class Question(NamedTuple):
    """A judgement that is to be had, with the words to ask for it. key: the same question has the same."""

    wanted: Wanted
    messages: Messages
    key: str

    @property
    def seed(self) -> int:
        return int(self.key[:15], 16)

    @property
    def characters(self) -> int:
        return sum(len(message["content"]) for message in self.messages)


@dataclass(frozen=True)
class Forecast:
    """What a run will ask and cost. questions = answered + cached + to_ask; tokens and cost are of those to ask."""

    items: int
    questions: int
    answered: int
    """Judgements that are stored already."""
    cached: int
    """Questions whose very words were asked before, elsewhere, or are asked twice here."""
    to_ask: int
    prompt_tokens: int
    """About."""
    completion_tokens: int
    """About: by the mean of this judge's replies to this template, or else at most."""
    most_completion_tokens: int
    cost: float | None
    most_cost: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def template_row(
    template: Template, guideline: str, temperature: float | None = None, max_new_tokens: int | None = None
) -> JudgeTemplate:
    """The stored template, with the guideline's text and the sampling settings, made where there is none."""
    asked = replace(
        template,
        temperature=template.temperature if temperature is None else temperature,
        max_new_tokens=template.max_new_tokens if max_new_tokens is None else max_new_tokens,
    )
    if not 0 <= asked.temperature <= 2:
        raise ValidationError(f"temperature must be between 0 and 2, got {asked.temperature:g}")
    if not 1 <= asked.max_new_tokens <= 8192:
        raise ValidationError(f"max new tokens must be between 1 and 8192, got {asked.max_new_tokens}")
    row, _ = JudgeTemplate.objects.get_or_create(
        digest=asked.digest(guideline),
        defaults={
            "name": asked.name,
            "text": asked.source,
            "guideline": guideline,
            "temperature": asked.temperature,
            "max_new_tokens": asked.max_new_tokens,
            "points": asked.points,
            "for_pairs": asked.shows == PAIR,
        },
    )
    return row


def guideline_for(template: Template, project: Project, chosen: str = "") -> str:
    """The text to insert: `none`, `project` for the one that its raters read, or a shipped one by name. Without a
    choice it is the template's own, or the project's. Raises ValidationError."""
    shipped = shipped_guidelines()
    known = ("none", "project", *shipped)
    name = chosen or template.guideline or ("project" if template.takes_guideline else "none")
    if name not in known:
        raise ValidationError(f'There is no guideline "{name}": choose one of {", ".join(known)}.')
    if name == "none":
        return ""
    if not template.takes_guideline:
        raise ValidationError(f"{template.name} has no {{{{ guideline }}}} to put one in: choose none.")
    if name == "project":
        return project.guideline.text if project.guideline else ""
    return shipped[name]


def check_order(order: JudgeOrder) -> None:
    """Raises ValidationError for what can't be asked."""
    judge, template, project = order.judge, order.template, order.project
    if judge.is_reward_model:
        raise ValidationError(f"{judge} is a {judge.get_kind_display()}: it scores answers, a chat model is asked.")
    if judge.backend == ModelVersion.Backend.NAME_ONLY:
        raise ValidationError(f"{judge} can't be asked: it is only a name in imported data.")
    if template.imported:
        raise ValidationError(f"{template} holds imported verdicts: it asks nothing.")
    if project.task_type not in (Project.TaskType.PAIRWISE_EVALUATION, *RATING_TASKS):
        raise ValidationError(f'"{project.slug}" is a {project.task_type} project: it has no stored answers to judge.')
    if template.for_pairs and project.task_type in RATING_TASKS:
        raise ValidationError(f'{template.name} compares two answers, and "{project.slug}" rates one at a time.')
    if not items_to_judge(order):
        raise ValidationError("There is nothing to judge yet: the project has no stored answers.")
    _check_between("samples", order.samples, 1, MOST_SAMPLES)
    _check_between("concurrency", order.concurrency, 1, MOST_AT_ONCE)
    if order.orders not in (BOTH, RANDOM):
        raise ValidationError(f"orders must be both or random, got {order.orders!r}")
    if order.samples > 1 and template.temperature == 0:
        raise ValidationError("At temperature 0 every sample is the same: raise the temperature or take one sample.")
    if order.limit is not None and order.limit < 1:
        raise ValidationError(f"limit must be at least 1, got {order.limit}")
    for name in ("price_in", "price_out", "budget"):
        value = getattr(order, name)
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ValidationError(f"{name.replace('_', ' ')} must be a number from 0, got {value}")
    if order.budget is not None and not (order.price_in or order.price_out):
        raise ValidationError("A budget needs prices: say what a million tokens cost.")


def _check_between(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValidationError(f"{name} must be between {low} and {high}, got {value}")


@transaction.atomic
def start_judging(order: JudgeOrder, user: Person | None = None) -> Run:
    """Queue the run that asks the judge. Raises ValidationError; then nothing was made."""
    check_order(order)
    Project.objects.select_for_update(no_key=True).get(pk=order.project.pk)  # who asks now waits, and then sees ours
    unfinished = Run.objects.filter(kind=Run.Kind.JUDGING, status__in=(Job.Status.QUEUED, Job.Status.RUNNING))
    if run := unfinished.filter(config__project=order.project.slug, config__judge=order.judge.name).first():
        raise ValidationError(f"{run} is {run.status} already: wait for its end or cancel it first.")
    campaign = getattr(order.project, "campaign", None)
    config = order.config() | ({"campaign": campaign.slug} if campaign else {})
    name = f"{order.project.slug}-{order.judge.name}"[:100]
    run = Run.objects.create(kind=Run.Kind.JUDGING, name=name, config=config, created_by=user)
    run.inputs.set([order.judge])
    enqueue(run)
    return run


# What to ask ----------------------------------------------------------------------------------------------------------


def items_to_judge(order: JudgeOrder) -> list[tuple[int, int, int | None]]:
    """(prompt, response, other response) of each item, in an order drawn by hash; responses one by one where the
    template shows one. Only pairs of two different, named models: others have no place in a report."""
    stored = Item.objects.filter(project=order.project, gold=None, response_1__isnull=False)
    found: Iterable[tuple[int, int, int | None]]
    if order.template.for_pairs:
        named = stored.filter(response_1__model_version__isnull=False, response_2__model_version__isnull=False)
        pairs = named.exclude(response_1__model_version=F("response_2__model_version"))
        found = pairs.values_list("prompt", "response_1", "response_2")
    else:
        both = [pk for pair in stored.values_list("response_1", "response_2") for pk in pair if pk is not None]
        found = [
            (prompt, pk, None)
            for pk, prompt in Response.objects.filter(pk__in=set(both)).values_list("pk", "prompt").iterator()
        ]
    drawn = sorted(set(found), key=lambda row: hashlib.sha256(f"{row[1]} {row[2]}".encode()).digest())
    return drawn[: order.limit]


def wanted(order: JudgeOrder) -> tuple[list[Wanted], int, int]:
    """What is still to be had; how many judgements were wanted in all; of how many items."""
    held: dict[tuple[int, int | None, int], tuple[int, str]] = {
        (first, second, sample): (attempt, failure)
        for first, second, sample, attempt, failure in Judgement.objects.filter(
            judge=order.judge, template=order.template, first__in=responses_of(order.project)
        )
        .order_by("attempt")  # the last one stays
        .values_list("first", "second", "sample", "attempt", "failure")
    }
    missing, total = [], 0
    items = items_to_judge(order)
    for prompt, response, other in items:
        for first, second in _shown(order, response, other):
            for sample in range(order.samples):
                total += 1
                attempt, failure = held.get((first, second, sample), (0, ""))
                if attempt == 0 or (order.reask and failure):
                    missing.append(Wanted(prompt, first, second, sample, attempt + 1))
    return missing, total, len(items)


def _shown(order: JudgeOrder, response: int, other: int | None) -> list[tuple[int, int | None]]:
    """The orders in which a pair is shown."""
    if other is None:
        return [(response, None)]
    if order.orders == BOTH:
        return [(response, other), (other, response)]
    low, high = sorted((response, other))
    coin = hashlib.sha256(f"{order.template.digest} {low} {high}".encode()).digest()[0] % 2
    return [(low, high) if coin else (high, low)]


def questions(order: JudgeOrder, missing: Sequence[Wanted]) -> Iterator[Question]:
    """The words to ask, a hundred at a time from the database. Names of models are hidden as the project hides them
    from its raters."""
    names = blinding.known_names()
    waiting = iter(missing)
    while chunk := list(islice(waiting, CHUNK)):
        rows = Response.objects.select_related("prompt").in_bulk(
            {pk for each in chunk for pk in (each.first, each.second) if pk is not None}
        )
        prompts = Prompt.objects.in_bulk({each.prompt for each in chunk})
        for each in chunk:
            shown = [rows.get(pk) for pk in (each.first, each.second) if pk is not None]
            if each.prompt in prompts and None not in shown:  # nothing was deleted meanwhile
                yield _question(order, each, prompts[each.prompt], [row for row in shown if row], names)


def _question(
    order: JudgeOrder, each: Wanted, prompt: Prompt, responses: Sequence[Response], names: Sequence[str]
) -> Question:
    project = order.project
    hides = project.identity_policy == Project.IdentityPolicy.MASK
    with translation.override("en"):  # the words in place of a name are the same whoever asks
        dialogue = blinding.shown_messages(prompt.messages, project, names)
        answers: list[Messages] = []
        for response in responses:
            text = identity.masked(response.text, response.identity, HIDDEN) if hides else response.text
            before = blinding.shown_messages(response.prompt.messages, project, names)[len(prompt.messages) :]
            answers.append([*before, {"role": "assistant", "content": text}])
    messages = question(order.question, order.template.guideline, dialogue, answers)
    return Question(each, messages, _key(order, messages, each))


def _key(order: JudgeOrder, messages: Messages, each: Wanted) -> str:
    """Who is asked, what, how, and for which time."""
    judge = order.judge
    who = judge.digest if judge.backend == ModelVersion.Backend.LOCAL else [judge.base_url, judge.remote_model]
    how = [order.template.temperature, order.template.max_new_tokens, each.sample, each.attempt]
    return hashlib.sha256(json.dumps([who, messages, how], ensure_ascii=False).encode()).hexdigest()


def known_replies(keys: Iterable[str]) -> dict[str, Judgement]:
    """By key, the judgement whose question was the same."""
    found = Judgement.objects.filter(key__in=set(keys), cached_from=None).order_by("pk")
    return {judgement.key: judgement for judgement in found}


def forecast(order: JudgeOrder) -> Forecast:
    """Raises ValidationError for an order that can't be carried out."""
    check_order(order)
    missing, total, items = wanted(order)
    seen: set[str] = set()
    cached, characters = 0, 0
    waiting = questions(order, missing)
    while chunk := list(islice(waiting, CHUNK)):
        known = known_replies(each.key for each in chunk)
        for each in chunk:
            if each.key in known or each.key in seen:
                cached += 1
            else:
                seen.add(each.key)
                characters += each.characters
    asked = Judgement.objects.filter(judge=order.judge, template=order.template, cached_from=None)
    usual = asked.aggregate(mean=Avg("completion_tokens"))["mean"] or order.template.max_new_tokens
    prompt_tokens, most = characters // CHARACTERS_PER_TOKEN, len(seen) * order.template.max_new_tokens
    completion_tokens = round(len(seen) * usual)
    return Forecast(
        items=items,
        questions=total,
        answered=total - len(missing),
        cached=cached,
        to_ask=len(seen),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        most_completion_tokens=most,
        cost=order.cost(prompt_tokens, completion_tokens),
        most_cost=order.cost(prompt_tokens, most),
    )
