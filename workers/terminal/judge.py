"""Ask a judge model about a campaign's or a rating project's answers; --dry-run tells what that will cost."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from annotation.management.failing import find_project
from annotation.models import Project
from evaluation.campaigns import find_campaign
from evaluation.model_judging import (
    BOTH,
    RANDOM,
    Forecast,
    JudgeOrder,
    forecast,
    guideline_for,
    start_judging,
    template_row,
)
from evaluation.models import Campaign
from evaluation.questioning import TemplateError, find_template, shipped_guidelines, shipped_templates
from evaluation.terminal.telling import Told
from evaluation.wording import count
from modeling.registry.models import ModelVersion, samplable_models
from workers.foreground import carry_out_here, claimed, terminal_progress

NAME = "judge"
OPTIONS = ("samples", "limit", "concurrency", "price_in", "price_out", "budget", "reask")


def add_arguments(parser: ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--campaign", metavar="SLUG", help="pairs of answers to compare")
    where.add_argument("--project", metavar="SLUG", help="a rating project, whose answers are rated one by one")
    parser.add_argument(
        "--judge", required=True, metavar="NAME", help="a registered chat model: an endpoint or checkpoint"
    )
    known = ", ".join(shipped_templates())
    parser.add_argument("--template", required=True, metavar="NAME", help=f"{known}, or a file of your own")
    guidelines = ", ".join(("none", "project", *shipped_guidelines()))
    parser.add_argument("--guideline", default="", metavar="NAME", help=f"inserted into the question: {guidelines}")
    orders = parser.add_mutually_exclusive_group()
    orders.add_argument(
        "--both-orders", action="store_const", dest="orders", const=BOTH, help="each pair twice (default)"
    )
    orders.add_argument("--random-order", action="store_const", dest="orders", const=RANDOM, help="each pair once")
    parser.add_argument("--samples", type=int, default=1, metavar="K", help="replies to each question")
    parser.add_argument("--temperature", type=float, help="instead of the template's")
    parser.add_argument("--limit", type=int, metavar="N", help="items, at most; a random part")
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="questions on their way at a time")
    parser.add_argument("--price-in", type=float, metavar="X", help="per million tokens of the questions")
    parser.add_argument("--price-out", type=float, metavar="X", help="per million tokens of the replies")
    parser.add_argument("--budget", type=float, metavar="X", help="ask nothing that could cost more than is left of it")
    parser.add_argument("--reask", action="store_true", help="ask again where a reply could not be read")
    parser.add_argument("--dry-run", action="store_true", help="only tell what it would ask and cost")


def evaluate(options: dict[str, Any]) -> Told:
    try:
        with transaction.atomic():
            order = order_from(options)
            expected = forecast(order)
            transaction.set_rollback(options["dry_run"])  # not even the template's row stays
        if options["dry_run"]:
            return Told(lines(order, expected), {"dry_run": True, **expected.as_json()})
        with transaction.atomic():
            run = claimed(start_judging(order))
    except (TemplateError, Campaign.DoesNotExist) as error:
        raise CommandError(str(error)) from error
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    run = carry_out_here(run, terminal_progress(), resume=_again(order, options))
    return Told(_closing(run.report), {"run": run.pk, **run.report})


def order_from(options: dict[str, Any]) -> JudgeOrder:
    """Raises TemplateError, ValidationError, CommandError, Campaign.DoesNotExist."""
    project: Project = (
        find_campaign(options["campaign"]).project if options["campaign"] else find_project(options["project"])
    )
    judge = ModelVersion.objects.filter(name=options["judge"]).first()
    if judge is None:
        known = ", ".join(samplable_models().values_list("name", flat=True)) or "none yet"
        raise CommandError(f'There is no model "{options["judge"]}". Chat models: {known}.')
    template = find_template(options["template"])
    guideline = guideline_for(template, project, options["guideline"])
    row = template_row(template, guideline, options["temperature"])
    settings = {name: options[name] for name in OPTIONS}
    return JudgeOrder(project=project, judge=judge, template=row, orders=options["orders"] or BOTH, **settings)


def lines(order: JudgeOrder, expected: Forecast) -> Iterator[str]:
    yield f"{order.judge} by {order.template.name} on {count(expected.items, 'item')} of {order.project.slug}:"
    yield (
        f"{count(expected.questions, 'judgement')} wanted, {expected.answered:,} there already, {expected.cached:,} "
        f"asked before in the same words, {expected.to_ask:,} to ask"
    )
    yield (
        f"about {expected.prompt_tokens:,} tokens of questions and {expected.completion_tokens:,} of replies "
        f"(at most {expected.most_completion_tokens:,})"
    )
    if expected.cost is None or expected.most_cost is None:
        yield "Cost unknown: give --price-in and --price-out, per million tokens."
    else:
        yield f"cost about {expected.cost:,.4f}, at most about {expected.most_cost:,.4f}"


def _closing(found: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{found['judged']:,} of {count(found['questions'], 'judgement')} there: {found['asked']:,} asked, "
        f"{found['from_cache']:,} from the cache, {found['unreadable']:,} that can't be read"
    )
    if found["cost"] is not None:
        yield f"cost {found['cost']:,.4f}"
    if found["stopped_by_budget"]:
        yield "The budget is spent: raise it and start again for the rest; nothing is asked twice."


def _again(order: JudgeOrder, options: dict[str, Any]) -> str:
    """The command that goes on: the same one, since what was asked is not asked again."""
    where = f"--campaign {options['campaign']}" if options["campaign"] else f"--project {options['project']}"
    command = f"python manage.py evaluate judge {where} --judge {order.judge.name} --template {options['template']}"
    defaults = {field.name: field.default for field in fields(JudgeOrder)}
    for name in ("guideline", "temperature", *OPTIONS):
        value = options[name]
        if value in (None, "", False) or value == defaults.get(name):
            continue
        flag = f"--{name.replace('_', '-')}"
        command += f" {flag}" if value is True else f" {flag} {value}"
    return command + (" --random-order" if order.orders == RANDOM else "")
