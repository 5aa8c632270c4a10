"""The safety report as a table for other programs: one figure per line, with its interval and what it rests on."""

import csv
import io
from collections.abc import Iterator

from evaluation.safety.red_team import GammaRatio
from evaluation.safety.reporting import SafetyReport, Violations
from evaluation.statistics.agreement import Agreement
from evaluation.statistics.estimates import Estimate

HEADER = ("part", "label", "model", "against", "figure", "value", "standard_error", "low", "high", "n", "note")
Cell = str | int | float | None
Line = tuple[Cell, ...]


def as_csv(report: SafetyReport) -> str:
    """Undefined figures are empty cells, and their note says why."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(HEADER)
    writer.writerows([plain(cell) for cell in line] for line in lines(report))
    return table.getvalue()


def lines(report: SafetyReport) -> Iterator[Line]:
    yield _line("all", "", "", "", "ac1", report.reliability.ac1, report.answers)
    yield _line("all", "", "", "", "ac2", report.reliability.ac2, report.answers)
    for model in report.models:
        yield from _violations("model", "", model.overall)
        yield _line("model", "", model.model, "", "ac1", model.reliability.ac1, model.overall.answers)
        yield _line("model", "", model.model, "", "ac2", model.reliability.ac2, model.overall.answers)
    for part in report.slices:
        yield from _violations(part.kind, part.label, part)
    for pair in report.pairs:
        subject = ("pair", "", pair.first, pair.second)
        yield _line(*subject, "violation_difference", pair.violation.difference, pair.violation.prompts)
        p = (pair.violation.p_value, None, None, None, pair.violation.prompts, pair.violation.method)
        yield (*subject, "p_value", *p)
        yield _line(*subject, "mean_rating_difference", pair.mean_rating, pair.violation.prompts)
    for version in report.red_team.versions:
        subject = ("red team", version.project, version.model, "")
        yield _line(*subject, "gamma", version.gamma, version.attempts)
        yield (*subject, "hours", version.hours, None, None, None, version.attempts, "")
        yield _line(*subject, "rejection_rate", version.rejection, version.rated)
    yield from map(_ratio, report.red_team.ratios)
    for found in report.refusals:
        for rate in found.rates:
            label = f"{rate.prompt_set}: {rate.category}" if rate.category else rate.prompt_set
            subject = ("refusals", label, rate.model, found.classifier)
            yield _line(*subject, "refusal_rate", rate.rate, rate.answers)
            yield _line(*subject, "refusal_rate_corrected", rate.corrected, rate.answers)


def _violations(part: str, label: str, figures: Violations) -> Iterator[Line]:
    subject = (part, label, figures.model, "")
    yield _line(*subject, "violation_rate", figures.violation, figures.answers)
    yield _line(*subject, "violation_rate_with_ties", figures.with_ties, figures.answers)
    yield _line(*subject, "mean_rating", figures.mean_rating, figures.answers)
    if figures.upper_if_none is not None:
        note = "No violation: the one-sided exact 95 % bound, a prompt counting once."
        yield (*subject, "upper_bound", figures.upper_if_none, None, None, None, figures.prompts, note)


def _ratio(found: GammaRatio) -> Line:
    ratio = found.ratio
    subject = ("red team", found.project, found.model, found.before)
    return (*subject, "gamma_ratio", ratio.value, None, ratio.low, ratio.high, None, ratio.note)


def _line(part: str, label: str, model: str, against: str, name: str, figure: Estimate | Agreement, n: int) -> Line:
    low, high = figure.interval or (None, None)
    return (part, label, model, against, name, figure.value, figure.standard_error, low, high, n, figure.note)


def plain(cell: Cell) -> Cell:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it: labels come from uploads."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell
