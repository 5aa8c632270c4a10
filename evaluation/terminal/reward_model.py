"""A reward model against people's judgements: accuracy, probabilities, quality, safety, shift, drift, length."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import CommandError

from evaluation.reward_models import wording
from evaluation.reward_models.accuracy import Accuracy
from evaluation.reward_models.choosing import NotFoundError, find_policy, find_project, find_reward_model
from evaluation.reward_models.evaluating import Evaluation, scope_of
from evaluation.reward_models.evaluating import evaluate as evaluate_model
from evaluation.statistics.roc import AtThreshold
from evaluation.terminal.telling import Table, Told, titled
from evaluation.wording import number, number_interval, percent, percent_interval

NAME = "reward-model"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="NAME", help="which reward model")
    parser.add_argument(
        "--project",
        action="append",
        default=[],
        metavar="SLUG",
        help="judgements of this project (may be repeated); by default all of the model's dimension",
    )
    parser.add_argument("--before", metavar="NAME", help="a policy whose answers' scores are compared ...")
    parser.add_argument("--after", metavar="NAME", help="... with this one's; by default the oldest and the newest")


def evaluate(options: dict[str, Any]) -> Told:
    if bool(options["before"]) != bool(options["after"]):
        raise CommandError("--before and --after belong together: name both policies or neither.")
    try:
        model = find_reward_model(options["model"])
        projects = [find_project(slug) for slug in options["project"]]
        before, after = (find_policy(options[side]) if options[side] else None for side in ("before", "after"))
    except NotFoundError as error:
        raise CommandError(str(error)) from error
    found = evaluate_model(model, scope_of(model, projects, before, after))
    return Told(lines(found), main_figures(found), found.as_json())


def lines(found: Evaluation) -> Iterator[str]:
    """The evaluation for a terminal."""
    yield wording.headline(found)
    yield wording.beneath(found)
    if found.pairs:
        accuracy = found.accuracy
        yield from titled("Agreement with people, clustered by opening prompt", accuracies(accuracy.by_rating))
        if accuracy.by_batch:
            yield from titled("By batch", accuracies(accuracy.by_batch))
        if len(accuracy.by_project) > 1:
            yield from titled("By project", accuracies(accuracy.by_project))
        yield from ("", wording.read_accuracy(accuracy), wording.read_trained(accuracy.overall, accuracy.trained))
        rows: Table = [("probability", "pairs", "predicted", "observed", "95 %")]
        for each in found.reliability.bins:
            observed = percent(each.observed.value, 1), percent_interval(each.observed, 1)
            between = f"{percent(each.low)} to {percent(each.high)}"
            rows.append((between, f"{each.n:,}", percent(each.predicted, 1), *observed))
        yield from titled("The likelier answer's probability, and how often people choose it", rows)
        yield wording.read_reliability(found.reliability)
    if found.quality:
        rows = [("points", "answers", "mean score", "95 %", "isotonic")]
        for point in found.quality.points:
            mean = number(point.score.value), number_interval(point.score)
            rows.append((str(point.points), f"{point.n:,}", *mean, number(point.isotonic)))
        yield from titled("Mean score by people's quality rating", rows)
        yield wording.read_quality(found.quality)
    if found.safety:
        rows = [("flagged", "below", "answers", "precision", "95 %", "recall", "95 %", "safe ones flagged")]
        rows.append(("PPO's threshold", "0.15", *threshold(found.safety.at)))
        for needed in found.safety.needed:
            wanted = f"for recall {percent(needed.recall)}"
            rows.append((wanted, number(needed.probability, 3), *threshold(needed.comes_to)))
        yield from titled("Finding unsafe answers", rows)
        yield wording.read_safety(found.safety)
    if found.drift:
        rows = [("version", *found.drift.batches)]
        rows += [(name, *(percent(cell.share, 1) for cell in cells)) for name, cells in found.drift.versions]
        yield from titled("Versions against batches", rows)
        yield wording.read_drift(found.drift, found.model)
    if found.shift:
        yield from ("", wording.read_shift(found.shift))
    if found.tension:
        yield from ("", wording.read_tension(found.tension))
    if found.length:
        yield from ("", wording.read_length(found.length))


def accuracies(found: Sequence[Accuracy]) -> Table:
    rows: Table = [("", "judgements", "agrees", "95 %", "equal", "paper")]
    for row in found:
        share = percent(row.share.value, 1), percent_interval(row.share, 1)
        rows.append((row.label, f"{row.n:,}", *share, f"{row.ties:,}", percent(row.paper, 1)))
    return rows


def threshold(at: AtThreshold) -> tuple[str, ...]:
    precision = percent(at.precision.value, 1), percent_interval(at.precision, 1)
    recall = percent(at.recall.value, 1), percent_interval(at.recall, 1)
    return (f"{at.flagged:,}", *precision, *recall, percent(at.false_alarms.value, 1))


def main_figures(found: Evaluation) -> dict[str, Any]:
    """What closes the readable evaluation; --json has the rest."""
    overall = found.accuracy.overall.share
    return {
        "model": found.model,
        "projects": found.projects,
        "pairs": found.pairs,
        "accuracy": overall.value,
        "interval": overall.interval,
        "by_rating": {row.label: row.share.value for row in found.accuracy.by_rating},
        "calibration_error": found.reliability.error.value,
        "auc": found.safety.auc.value if found.safety else None,
    }
