"""How far raters agree: of a campaign, of a project or of a CSV file; in all, by part and by rater."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from annotation.models import Project
from evaluation import agreeing
from evaluation.agreeing import NotRatedError, Question, Rated
from evaluation.campaigns import find_campaign
from evaluation.models import Campaign
from evaluation.reading_ratings import RatingsFileError, parse_categories, read_ratings, read_weights
from evaluation.statistics.agreement import COEFFICIENTS, Agreement
from evaluation.statistics.raters import RaterAgreement
from evaluation.statistics.resampling import Bootstrap
from evaluation.statistics.weights import WEIGHTS
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import NONE, count, number, number_interval

NAME = "agreement"
RATERS = ("annotator", "leave-one-out")
ALL = "all"


def add_arguments(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--campaign", metavar="SLUG", help="a campaign or an imported pairwise project")
    source.add_argument("--project", metavar="SLUG", help="a project of any task with points")
    source.add_argument(
        "--file", type=Path, metavar="CSV", help="ratings: a line for each item, a column for each rater"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--counts", action="store_true", help="the file has a column for each category instead")
    form.add_argument("--table", action="store_true", help="the file is the square table of two raters instead")
    parser.add_argument(
        "--key", nargs="+", default=[], metavar="COLUMN", help="columns of the file that are no ratings"
    )
    parser.add_argument(
        "--coefficient", choices=[*COEFFICIENTS, ALL], default=ALL, help="one of them (default: all that apply)"
    )
    parser.add_argument(
        "--weights",
        default="identity",
        metavar="NAME|CSV",
        help=f"{', '.join(WEIGHTS)}, or a file with a matrix (default: identity, only equal ratings agree)",
    )
    parser.add_argument("--categories", metavar="LIST", help="the file's whole scale in order, with commas between")
    parser.add_argument("--population", type=int, metavar="N", help="the items are a random part of so many")
    parser.add_argument("--confidence", type=float, default=0.95, help="of the intervals (default: 0.95)")
    parser.add_argument(
        "--by",
        metavar="PART",
        help="comparison, batch, category or a --key column: each part; annotator or leave-one-out: each rater",
    )
    parser.add_argument("--bootstrap", type=int, default=0, metavar="N", help="also a percentile interval from N draws")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: 0)")


def evaluate(options: dict[str, Any]) -> Told:
    try:
        rated = _source(options)
        weights = _weights(options["weights"])
        asked = [
            Question(name, weights, options["population"], options["confidence"])
            for name in _coefficients(options, rated)
        ]
        found = [agreeing.agreement(rated, question) for question in asked]
        replicates, seed = options["bootstrap"], options["seed"]
        draws = [agreeing.resampled(rated, question, replicates, seed) for question in asked if replicates]
        parts, people = _divided(rated, options["by"], asked[0])
    except (Campaign.DoesNotExist, ValueError) as error:  # what a person can mend
        raise CommandError(str(error)) from error
    told = {
        "name": rated.name,
        "weights": options["weights"],
        "categories": [str(category) for category in agreeing.scale_of(rated)],
        "agreement": [asdict(result) for result in found],
        "p_value_is": Agreement.P_VALUE_SIDE,
        "two_sided_p_value_is": Agreement.TWO_SIDED,
        "bootstrap": [asdict(draw) for draw in draws],
        "by": options["by"],
        "parts": [{"part": name, **asdict(result)} for name, result in parts],
        "raters": [asdict(person) for person in people],
    }
    main = {
        "name": rated.name,
        "items": found[0].items,
        **{result.coefficient: result.value for result in found},
    }
    return Told(list(_lines(rated, options, found, draws, parts, people)), main, told)


def _source(options: dict[str, Any]) -> Rated:
    if options["file"]:
        kind = "counts" if options["counts"] else "table" if options["table"] else "ratings"
        declared = parse_categories(options["categories"]) if options["categories"] else None
        return read_ratings(options["file"], kind, options["key"], declared)
    for name in ("counts", "table", "key", "categories"):
        if options[name]:
            raise RatingsFileError(f"--{name} describes a file: name it with --file")
    if options["campaign"]:
        return agreeing.of_campaign(find_campaign(options["campaign"]))
    project = Project.objects.filter(slug=options["project"]).first()
    if project is None:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise NotRatedError(f'There is no project "{options["project"]}". Projects: {known}.')
    whole = options["by"] is None and options["coefficient"] != "conger" and not options["bootstrap"]
    rated = agreeing.counted_in(project) if whole else agreeing.of_project(project)
    if agreeing.size_of(rated)[0] == 0 and agreeing.has_sides_alone(project):
        raise NotRatedError(
            f'The judgements of "{project.slug}" name a side without points: ask for it with --campaign {project.slug}.'
        )
    return rated


def _weights(given: str) -> Any:
    if given in WEIGHTS:
        return given
    path = Path(given)
    if path.suffix or path.exists():
        return read_weights(path)
    raise RatingsFileError(f'weights must be one of {", ".join(WEIGHTS)}, or a file with a matrix, got "{given}"')


def _coefficients(options: dict[str, Any], rated: Rated) -> list[str]:
    """All but Conger's kappa where raters have no columns of their own: its meaning needs steady raters."""
    if options["coefficient"] != ALL:
        return [options["coefficient"]]
    steady = rated.columns or hasattr(rated.ratings, "cells")
    return [name for name in COEFFICIENTS if name != "conger" or steady]


def _divided(rated: Rated, by: str | None, asked: Question) -> tuple[list[tuple[str, Agreement]], list[RaterAgreement]]:
    if by in RATERS:
        return [], agreeing.by_rater(rated, asked)
    return (agreeing.by_label(rated, by, asked), []) if by else ([], [])


def _lines(
    rated: Rated,
    options: dict[str, Any],
    found: list[Agreement],
    draws: list[Bootstrap],
    parts: list[tuple[str, Agreement]],
    people: list[RaterAgreement],
) -> Iterator[str]:
    items, ratings = agreeing.size_of(rated)
    twice = found[0].items_rated_twice
    scale = ", ".join(
        f"{category:g}" if isinstance(category, float) else str(category) for category in agreeing.scale_of(rated)
    )
    yield f"{rated.name}: {count(ratings, 'rating')} of {count(items, 'item')}, {twice:,} by two raters or more"
    yield f"Categories {scale}; weights {options['weights']}"
    confidence = f"{100 * options['confidence']:g} %"
    yield from titled("Agreement", _table([(result.coefficient, result) for result in found], confidence))
    yield from _notes([(result.coefficient, result.note) for result in found])
    if rated.clusters is not None and len(set(rated.clusters.tolist())) < items:
        yield (
            f"The items belong to {count(len(set(rated.clusters.tolist())), 'prompt')}, and these errors take them for "
            "independent of each other; --bootstrap draws whole prompts instead."
        )
    if draws:
        rows: Table = [("bootstrap", "error", confidence, "replicates")]
        for draw in draws:
            bounds = " to ".join(number(bound, 3) for bound in draw.interval or ()) or NONE
            rows.append((draw.coefficient, number(draw.standard_error, 4), bounds, f"{draw.replicates:,}"))
        yield from titled(f"Percentile intervals from draws of {draws[0].drawn}, seed {draws[0].seed}", rows)
        yield from _notes([(draw.coefficient, draw.note) for draw in draws])
    if parts:
        title = f"By {options['by']}, {found[0].coefficient}"
        yield from titled(title, _table(parts, confidence))
        yield from _notes([(name, result.note) for name, result in parts])
    if people:
        rows = [("rater", "ratings", "with others", confidence, "own items", "without", "change")]
        for person in people:
            alike = person.with_others
            figures = number(alike.value, 3), number_interval(alike, 3), number(person.own.value, 3)
            rest = number(person.without.value, 3), number(person.difference, 3)
            rows.append((str(person.rater), f"{person.ratings:,}", *figures, *rest))
        yield from titled(f"By rater, {found[0].coefficient} of their items and of all items without them", rows)
        yield "With others: the mean weight between their rating and another's of the same item, chance not corrected."
        yield from _notes([(str(person.rater), person.without.note) for person in people])


def _table(rows: list[tuple[str, Agreement]], confidence: str) -> Table:
    table: Table = [
        ("", "value", "error", confidence, "observed", "by chance", "p, one-sided", "p, two-sided", "items")
    ]
    for name, result in rows:
        shares = number(result.observed, 4), number(result.expected, 4)
        tests = _p_value(result.p_value), _p_value(result.two_sided_p_value)
        error, items = number(result.standard_error, 4), f"{result.items:,}"
        table.append((name, number(result.value, 4), error, number_interval(result, 4), *shares, *tests, items))
    return table


def _p_value(value: float | None) -> str:
    return "<0.0001" if value is not None and value < 0.0001 else number(value, 4)


def _notes(notes: list[tuple[str, str]]) -> Iterator[str]:
    for name, note in notes:
        if note:
            yield f"{name or NONE}: {note}"
