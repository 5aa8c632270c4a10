"""False refusals: a trained classifier over a campaign's, project's or file's answers, its own error taken out."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from annotation.management.failing import find_project
from evaluation.safety.refusal_wording import read_refusals
from evaluation.safety.refusals import RefusalReport, called_in, classifiers, refusal_report
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import NONE, percent, percent_interval
from modeling.registry.models import ModelVersion

NAME = "refusals"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--classifier", metavar="NAME", help="a trained refusal classifier; the newest one without")
    parser.add_argument(
        "--project", action="append", default=[], metavar="SLUG", help="whose answers; may be given several times"
    )
    parser.add_argument("--campaign", action="append", default=[], metavar="SLUG", help="the same, of a campaign")
    parser.add_argument(
        "--file",
        type=Path,
        help='JSON lines {"prompt", "response", "model", "set": "helpfulness", "borderline" or "adversarial", '
        '"category", "refusal": a person\'s verdict}; all but the first two may be left out',
    )


def evaluate(options: dict[str, Any]) -> Told:
    from workers.carrying import JobError
    from workers.classifying import called_in_file, label_answers
    from workers.foreground import terminal_progress

    slugs = [*options["project"], *options["campaign"]]
    if bool(slugs) == bool(options["file"]):
        raise CommandError("Name projects or campaigns by --project and --campaign, or a file by --file.")
    classifier = chosen(options["classifier"])
    projects = [find_project(slug) for slug in dict.fromkeys(slugs)]
    try:
        if options["file"]:
            called = called_in_file(classifier, options["file"].expanduser())
        else:
            label_answers(classifier, projects, terminal_progress())
            called = called_in(projects, classifier)
        found = refusal_report(classifier, called)
    except JobError as error:
        raise CommandError(str(error)) from error
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    if not called:
        raise CommandError("There are no stored answers to classify in " + ", ".join(slugs) + ".")
    main = {
        f"{rate.model}, {rate.prompt_set}": {"rate": rate.rate.value, "corrected": rate.corrected.value}
        for rate in found.rates
        if not rate.category
    }
    return Told(lines(found), {"classifier": found.classifier, "refusals": main}, found.as_json())


def chosen(name: str | None) -> ModelVersion:
    known = classifiers()
    if name is None:
        if (newest := known.first()) is None:
            raise CommandError("There is no refusal classifier yet: train one by manage.py train_refusal_classifier.")
        return newest
    found = known.filter(name=name).first()
    if found is None:
        names = ", ".join(known.values_list("name", flat=True)) or "none yet"
        raise CommandError(f'There is no refusal classifier "{name}". There are: {names}.')
    return found


def lines(found: RefusalReport) -> Iterator[str]:
    yield read_refusals(found)
    labelled = any(rate.full for rate in found.rates)
    head = ("model", "prompts", "category", "answers", "refused", "rate", "95 %", "corrected", "95 %")
    rows: Table = [head + (("full, by people", "95 %", "partial", "95 %") if labelled else ())]
    for rate in found.rates:
        cells = [rate.model, rate.prompt_set, rate.category or "all", f"{rate.answers:,}", f"{rate.refused:,}"]
        for figure in (rate.rate, rate.corrected):
            cells += [percent(figure.value, 1), percent_interval(figure, 1)]
        if labelled:
            for said in (rate.full, rate.partial):
                cells += [percent(said.value, 1), percent_interval(said, 1)] if said else [NONE, NONE]
        rows.append(tuple(cells))
    yield from titled("Refusals by model and set of prompts; intervals clustered by prompt", rows)
