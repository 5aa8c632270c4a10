"""Verdicts that judges gave elsewhere, from a file: so published judges can be audited beside people too.

A row names an item, by the id that it was imported with or by its number here, a judge, and a verdict about the item's
own two responses: 1, a or first for the first of them, 2, b or second for the other, 0 or tie for neither; or
`preference`, a number from 0 to 1 for the first. `order` may say which was shown first, 12 or 21. Whatever else stands
for a verdict is kept as a reply that can't be read.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, BinaryIO

from django.db import transaction

from annotation.importing.reading import (
    BadRowsError,
    FileError,
    Line,
    csv_lines,
    json_lines,
    looks_like_json,
    unpacked,
)
from annotation.importing.rows import Row, RowError, shown, text_of
from annotation.importing.storing import CHUNK, Models
from annotation.models import Comparison, Item, Project
from evaluation.models import Campaign, Judgement, JudgeTemplate

FIRST, SECOND, TIE = ("1", "a", "first"), ("2", "b", "second"), ("0", "tie", "c", "draw")
PREFERENCES = {**dict.fromkeys(FIRST, 1.0), **dict.fromkeys(SECOND, 0.0), **dict.fromkeys(TIE, 0.5)}
MOST_SAMPLES = 1000


@dataclass(frozen=True)
class Verdict:
    """One row's word about one item. preference: for the item's first response; None, with a reason, where it says
    nothing."""

    item: str
    judge: str
    preference: float | None
    said: str
    failure: str = ""
    swapped: bool = False
    """Whether the item's second response was shown first."""
    sample: int = 0


@dataclass
class VerdictSummary:
    """What became of a file's verdicts."""

    campaign: str
    rows: int = 0
    new: int = 0
    already_there: int = 0
    unreadable: int = 0
    judges: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Read = Callable[[Row], list[Verdict]]


def read_row(row: Row, judge: str = "") -> list[Verdict]:
    """judge: whose verdict it is where the row doesn't say. Raises RowError."""
    name = text_of(row, "judge", most=100, default=judge)
    if not name:
        raise RowError("no judge is named: give the row a field judge, or name one for the whole file")
    order = str(row.get("order", "12") or "12").strip().lower()
    if order not in ("12", "21", "ab", "ba"):
        raise RowError(f"order must be 12 or 21, the item's response that was shown first before, got {shown(order)}")
    sample = row.get("sample", 0) or 0
    if isinstance(sample, str) and sample.isdigit():
        sample = int(sample)
    if isinstance(sample, bool) or not isinstance(sample, int) or not 0 <= sample < MOST_SAMPLES:
        raise RowError(f"sample must be a whole number from 0 to {MOST_SAMPLES - 1}, got {shown(row.get('sample'))}")
    return [verdict_of(_item_of(row), name, row, "verdict", swapped=order in ("21", "ba"), sample=sample)]


def read_pandalm(row: Row) -> list[Verdict]:
    """The two judges of PandaLM's human test set, who stand in the file beside its annotators."""
    item = text_of(row, "id", most=200)
    columns = (("gpt-3.5-by-pandalm", "gpt35_judge"), ("pandalm-7b", "pandalm7b_judge"))
    found = [verdict_of(item, judge, row, column) for judge, column in columns if row.get(column) is not None]
    if not found:
        raise RowError("expected gpt35_judge or pandalm7b_judge, got neither")
    return found


READERS: dict[str, Read] = {"rows": read_row, "pandalm": read_pandalm}


def verdict_of(item: str, judge: str, row: Row, column: str, swapped: bool = False, sample: int = 0) -> Verdict:
    if column == "verdict" and row.get("preference") is not None:
        given = row["preference"]
        preference = _preference(given)
        reason = "" if preference is not None else f"the file gives {shown(given)}, expected a number from 0 to 1"
        return Verdict(item, judge, preference, str(given)[:2000], reason[:500], swapped, sample)
    if column not in row:
        raise RowError(f"expected a field {column}, or preference, got {', '.join(row) or 'none'}")
    said = "" if row[column] is None else str(row[column])
    preference = PREFERENCES.get(said.strip().lower())
    reason = (
        "" if preference is not None else f"the file says {shown(said) if said else 'nothing'}, expected 1, 2 or tie"
    )
    return Verdict(item, judge, preference, said[:2000], reason[:500], swapped, sample)


def _preference(given: Any) -> float | None:
    """A number from 0 to 1, also as the text of a CSV file; None for NaN and nonsense."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        value = float(given)
    except (ValueError, OverflowError):
        return None
    return value if 0 <= value <= 1 else None


def _item_of(row: Row) -> str:
    value = row.get("item")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_of(row, "item", most=200)


def import_verdicts(file: BinaryIO, campaign: Campaign, form: str = "rows", judge: str = "") -> VerdictSummary:
    """Import a JSONL or CSV file, plain or gzip, that can be read twice.

    Raises FileError (BadRowsError where single rows are broken), and then leaves nothing behind.
    """
    read = partial(read_row, judge=judge) if form == "rows" else READERS[form]
    items = _Items(campaign.project)
    rows = _checked(file, read, items)
    summary = VerdictSummary(campaign.slug, rows=rows)
    with transaction.atomic():
        template = imported_template()
        models, waiting = Models(), []
        for verdict in _verdicts(file, read):
            row = _judgement(verdict, items, models)
            row.template = template
            waiting.append(row)
        for start in range(0, len(waiting), CHUNK):
            _store(waiting[start : start + CHUNK], summary)
        summary.judges = sorted({row.judge.name for row in waiting})
    return summary


def imported_template() -> JudgeTemplate:
    """What stands for the question where nobody was asked here."""
    row, _ = JudgeTemplate.objects.get_or_create(
        digest=hashlib.sha256(b"imported verdicts").hexdigest(),
        defaults={"name": "imported", "text": "Verdicts from files; nobody was asked here.", "imported": True},
    )
    return row


class _Items:
    """The project's pairs by the ids that a file may call them by."""

    def __init__(self, project: Project) -> None:
        pairs = Item.objects.filter(project=project, gold=None, response_2__isnull=False)
        self.pairs = {pk: (one, other) for pk, one, other in pairs.values_list("pk", "response_1", "response_2")}
        named = Comparison.objects.filter(project=project, assignment__item__in=pairs).exclude(external_id="")
        self.by_name = dict(named.values_list("external_id", "assignment__item"))

    def responses(self, called: str) -> tuple[int, int]:
        """The item's own two. Raises RowError."""
        pk = self.by_name.get(called)
        if pk is None and called.isdigit():
            pk = int(called)
        if pk not in self.pairs:
            example = next(iter(self.by_name), None) or next(iter(self.pairs), None)
            hint = f', for example "{example}"' if example is not None else "; it has no pairs yet"
            raise RowError(f"no item {shown(called)} in the campaign: expected the id it was imported with{hint}")
        return self.pairs[pk]


def _checked(file: BinaryIO, read: Read, items: _Items) -> int:
    """How many rows there are. Raises FileError."""
    bad, rows, seen = BadRowsError(), 0, set[tuple[Any, ...]]()
    for number, row in _rows(file):
        rows += 1
        try:
            if isinstance(row, RowError):
                raise row
            for verdict in read(row):
                items.responses(verdict.item)
                key = (verdict.item, verdict.judge, verdict.swapped, verdict.sample)
                if key in seen:
                    raise RowError(
                        f"a second verdict of {verdict.judge} on {verdict.item} in the same order and sample"
                    )
                seen.add(key)
        except RowError as error:
            bad.add(number, error)
    if bad.count:
        raise bad
    if not rows:
        raise FileError("the file is empty: expected one row per line")
    return rows


def _rows(file: BinaryIO) -> Iterator[Line]:
    lines = json_lines if looks_like_json(file) else csv_lines
    with unpacked(file) as plain:
        yield from lines(plain)


def _verdicts(file: BinaryIO, read: Read) -> Iterator[Verdict]:
    for _, row in _rows(file):
        if isinstance(row, RowError):
            raise FileError("the file was changed while it was being imported: start again")
        yield from read(row)


def _judgement(verdict: Verdict, items: _Items, models: Models) -> Judgement:
    one, other = items.responses(verdict.item)
    judge = models.called(verdict.judge)
    assert judge is not None  # noqa: S101 - it has a name
    preference = verdict.preference
    if verdict.swapped:
        one, other = other, one
        preference = None if preference is None else 1 - preference
    return Judgement(
        judge=judge, first_id=one, second_id=other, sample=verdict.sample, reply=verdict.said, preference=preference,
        failure=verdict.failure,
    )  # fmt: skip


def _store(rows: Iterable[Judgement], summary: VerdictSummary) -> None:
    """Those that are not there yet. Raises FileError for one that is there and says something else."""
    waiting = list(rows)
    held = {
        (row.judge_id, row.first_id, row.second_id, row.sample): row
        for row in Judgement.objects.filter(
            template=waiting[0].template, judge__in={row.judge_id for row in waiting},
            first__in={row.first_id for row in waiting},
        )
    }  # fmt: skip
    new = []
    for row in waiting:
        earlier = held.get((row.judge_id, row.first_id, row.second_id, row.sample))
        if earlier is None:
            new.append(row)
        elif (earlier.preference, earlier.failure) != (row.preference, row.failure):
            raise FileError(
                f"{row.judge} said {earlier.reply!r} about a pair earlier, and {row.reply!r} in this file: verdicts "
                "are never changed, so import them as a judge of another name"
            )
        else:
            summary.already_there += 1
    Judgement.objects.bulk_create(new)
    summary.new += len(new)
    summary.unreadable += sum(bool(row.failure) for row in new)
