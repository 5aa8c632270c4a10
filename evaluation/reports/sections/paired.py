"""Which differences are real: every two models on the same prompts, corrected for being many."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.comparing_models import Adjusted, Through
from evaluation.reports.lines import RATERS, Line, Subject
from evaluation.reports.material import Material
from evaluation.reports.report import Report
from evaluation.reports.section import Reading, Section
from evaluation.statistics.pairing import PairedComparison
from evaluation.wording import count, sure

LEVEL = 0.05


@dataclass(frozen=True)
class TestedPair:
    """Two models that were compared directly. paired: of majorities, 1, 0 or -1 for the first, by prompt."""

    first: str
    second: str
    paired: PairedComparison
    test: Adjusted


@dataclass(frozen=True)
class PairedTests:
    """through: pairs that never met, by what they did against the same opponents on the same prompts."""

    meetings: tuple[TestedPair, ...]
    through: tuple[Through, ...]


def figures(material: Material) -> PairedTests:
    found = material.comparison
    meetings = (TestedPair(pair.first, pair.second, pair.paired, pair.test) for pair in found.meetings)
    return PairedTests(tuple(meetings), found.through)


def is_real(test: Adjusted) -> bool:
    return test.holm is not None and test.holm < LEVEL


def read(tests: PairedTests, report: Report) -> Reading:
    everything: tuple[TestedPair | Through, ...] = (*tests.meetings, *tests.through)
    real = [pair for pair in everything if is_real(pair.test)]
    undecided = [pair for pair in everything if not is_real(pair.test)]
    if not everything:
        return Reading("No two models were judged on the same prompts yet.")
    many = f", corrected for being {len(everything)}" if len(everything) > 1 else ""
    said = f"{len(real)} of {count(len(everything), 'pair')} differ by more than chance explains{many}."
    if len(everything) == 1:
        p_value = sure(everything[0].test.p_value)
        said = (
            f"The two models differ by more than chance explains (p {p_value})."
            if real
            else f"Chance alone could explain the difference between the two models (p {p_value})."
        )
    elif undecided:
        closest = undecided[0]
        said += f" {closest.first} and {closest.second} can't be told apart (p {sure(closest.test.holm)})."
    return Reading(
        said,
        "A test says whether there is a difference, not whether it matters; and a pair without one is no draw: there "
        "may be too few prompts.",
    )


@dataclass(frozen=True)
class Row:
    """A line of the table; counts are prompts."""

    first: str
    second: str
    through: str
    for_first: int
    even: int
    for_second: int
    p_value: str
    holm: str
    benjamini_hochberg: str
    other: str
    real: bool
    note: str


def drawn(tests: PairedTests, report: Report) -> Mapping[str, Any]:
    rows = [_row(pair, "", pair.paired.sign_p_value) for pair in tests.meetings]
    rows += [_row(pair, ", ".join(pair.opponents), pair.mcnemar.p_value) for pair in tests.through]
    return {"rows": rows, "through": bool(tests.through)}


def _row(pair: TestedPair | Through, through: str, other: float | None) -> Row:
    test, paired = pair.test, pair.paired
    return Row(
        first=pair.first,
        second=pair.second,
        through=through,
        for_first=paired.for_first,
        even=paired.even,
        for_second=paired.for_second,
        p_value=sure(test.p_value),
        holm=sure(test.holm),
        benjamini_hochberg=sure(test.benjamini_hochberg),
        other=sure(other),
        real=is_real(test),
        note=paired.note,
    )


def method(tests: PairedTests, report: Report) -> str:
    pairs: tuple[TestedPair | Through, ...] = (*tests.meetings, *tests.through)
    how = "".join(f", {method}" for method in sorted({pair.paired.method for pair in pairs if pair.paired.method}))
    through = (
        " Models that never met are compared by their points against the same opponents on the same prompts, and by "
        "McNemar's exact test."
        if tests.through
        else ""
    )
    return (
        "Two models are tested on the differences between them by prompt: were they alike, each prompt could as well "
        f"have spoken for the other (Fisher's randomisation test{how}). A prompt "
        "counts once however many items it has. p-values are two-sided, and adjusted over all pairs by Holm's rule and "
        f"by Benjamini and Hochberg's; the sign test counts for whom each prompt speaks.{through}"
    )


def lines(tests: PairedTests, report: Report) -> Iterator[Line]:
    for pair in tests.meetings:
        subject = Subject(RATERS, "paired test", pair.first, pair.second)
        yield from _lines(subject, pair.paired, pair.test)
        yield subject.value("p_sign_test", pair.paired.sign_p_value, pair.paired.prompts)
    for other in tests.through:
        subject = Subject(RATERS, "paired test through", other.first, other.second, ", ".join(other.opponents))
        yield from _lines(subject, other.paired, other.test)
        yield subject.value("p_mcnemar", other.mcnemar.p_value, other.paired.prompts, other.mcnemar.note)


def _lines(subject: Subject, paired: PairedComparison, test: Adjusted) -> Iterator[Line]:
    yield subject.line("difference", paired.difference, paired.prompts)
    for name, prompts in (("for_first", paired.for_first), ("even", paired.even), ("for_second", paired.for_second)):
        yield subject.value(name, prompts, paired.prompts)
    yield subject.value("p_sign_flips", test.p_value, paired.prompts, paired.note)
    yield subject.value("p_holm", test.holm, paired.prompts)
    yield subject.value("p_benjamini_hochberg", test.benjamini_hochberg, paired.prompts)
    yield subject.value("p_students_t", paired.t_p_value, paired.prompts)


SECTION = Section(
    key="paired",
    title="Which differences are real",
    figures=figures,
    read=read,
    drawn=drawn,
    method=method,
    lines=lines,
)
