"""Rows for tests, each with sensible defaults and only what the test says overridden."""

import itertools
from typing import Any

from django.contrib.auth.models import Group

from annotation import tallies
from annotation.models import Comparison, Item, Preference, Project, Prompt, Response
from annotation.models.comparisons import choice_of
from annotation.models.items import Assignment
from evaluation.models import Judgement, JudgeTemplate
from modeling.registry.models import Job, ModelVersion
from webapp.accounts.models import User

numbers = itertools.count(1)


def make_user(role: str = "annotator", **fields: Any) -> User:
    """A user with a role; the password is always `correct horse`."""
    username = fields.pop("username", f"{role}-{next(numbers)}")
    user = User.objects.create_user(username=username, password="correct horse", **fields)
    user.groups.add(Group.objects.get(name=role))
    return user


def make_model(name: str = "", **fields: Any) -> ModelVersion:
    defaults = {"kind": ModelVersion.Kind.POLICY, "backend": ModelVersion.Backend.NAME_ONLY}
    return ModelVersion.objects.create(name=name or f"model-{next(numbers)}", **(defaults | fields))


def make_project(**fields: Any) -> Project:
    """A project that gives its items out oldest first, so that a test knows what comes."""
    slug = fields.pop("slug", f"project-{next(numbers)}")
    fields.setdefault("random_order", False)
    return Project.objects.create(slug=slug, name=fields.pop("name", slug.title()), **fields)


def make_prompt(project: Project, text: str = "", **fields: Any) -> Prompt:
    messages = fields.pop("messages", None) or [{"role": "user", "content": text or f"Question {next(numbers)}?"}]
    return Prompt.objects.create(project=project, messages=messages, **fields)


def make_item(project: Project, prompt: Prompt | None = None, overlap: int | None = None, **fields: Any) -> Item:
    """An item with its open assignments."""
    item = Item.objects.create(project=project, prompt=prompt or make_prompt(project), **fields)
    Assignment.objects.bulk_create(Assignment(item=item) for _ in range(overlap or project.overlap))
    return item


def make_comparison(project: Project, prompt: Prompt | None = None, **fields: Any) -> Comparison:
    """A comparison whose two responses are there."""
    prompt = prompt or make_prompt(project)
    answers = (fields.pop("a", "Answer A."), fields.pop("b", "Answer B."))
    models = (fields.pop("model_a", None), fields.pop("model_b", None))
    response_a, response_b = (
        Response.objects.create(prompt=prompt, text=text, model_version=model)
        for text, model in zip(answers, models, strict=True)
    )
    defaults = {"status": Job.Status.DONE, "response_a": response_a, "response_b": response_b}
    return Comparison.objects.create(project=project, prompt=prompt, **(defaults | fields))


def make_preference(comparison: Comparison, points: int | None = 1, **fields: Any) -> Preference:
    scale = fields.pop("scale", comparison.project.scale)
    choice = fields.pop("choice", choice_of(points, scale) if points else Preference.Choice.NEITHER)
    tallies.touch_project(comparison.project)
    return Preference.objects.create(comparison=comparison, points=points, scale=scale, choice=choice, **fields)


def make_pair(project: Project, first: ModelVersion, second: ModelVersion, prompt: Prompt | None = None) -> Item:
    """An item that compares stored responses of two models."""
    prompt = prompt or make_prompt(project)
    response_1, response_2 = (
        Response.objects.create(prompt=prompt, text=f"Answer {next(numbers)}.", model_version=model)
        for model in (first, second)
    )
    return make_item(project, prompt, response_1=response_1, response_2=response_2)


def make_judgement(item: Item, rater: User, points: int | None = None, **fields: Any) -> Preference:
    """A submitted judgement of a pair; points and choice are about response_1 on the left, or, `flipped`, the right."""
    flipped = fields.pop("flipped", False)
    assignment = item.assignments.filter(status=Assignment.Status.OPEN).first()
    assert assignment and item.response_1 and item.response_2, "an open place and two answers"
    assignment.status, assignment.annotator = Assignment.Status.SUBMITTED, rater
    assignment.save()
    comparison = Comparison.objects.create(
        project=item.project,
        prompt=item.prompt,
        response_a=item.response_2 if flipped else item.response_1,
        response_b=item.response_1 if flipped else item.response_2,
        assignment=assignment,
        annotator=rater,
        status=Job.Status.DONE,
        source=fields.pop("source", ""),
    )
    return make_preference(comparison, points, **fields)


def make_verdict(judge: ModelVersion, item: Item, preference: float | None = None, **fields: Any) -> Judgement:
    """What a judge model said about a pair; the preference is for response_1, shown first or, `flipped`, second."""
    template = (
        fields.pop("template", None)
        or JudgeTemplate.objects.get_or_create(digest="d" * 64, defaults={"name": "pairwise-choice", "text": "Which?"})[
            0
        ]
    )
    first, second = item.response_1, item.response_2
    assert first and second, "an item that compares two answers"
    if fields.pop("flipped", False):
        first, second = second, first
        preference = None if preference is None else 1 - preference
    fields.setdefault("failure", "the reply is empty" if preference is None else "")
    return Judgement.objects.create(
        judge=judge, template=template, first=first, second=second, preference=preference, **fields
    )
