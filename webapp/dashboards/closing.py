"""A run's closing figures as its page shows them, whatever the recipe: facts, estimates with intervals, small tables.

A recipe's report is plain JSON. What it says as numbers is shown; its long lists are for plots and stay in the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evaluation.wording import NONE
from webapp.dashboards.charts import Whisker, whisker

NOT_SHOWN = ("identity", "model_digest", "accuracy_by_batch")
MOST_ROWS = 40
UNITS = {"seconds": "s"}


@dataclass(frozen=True)
class Table:
    """Figures under one title: a column per part of the report, a row per figure."""

    title: str
    columns: list[str]
    rows: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Closing:
    """What a report holds, by how it is shown."""

    facts: list[tuple[str, str]]
    shares: list[tuple[str, Whisker]]
    """Shares of n with their intervals."""
    tables: list[Table]

    def __bool__(self) -> bool:
        return bool(self.facts or self.shares or self.tables)


def closing_of(report: dict[str, Any]) -> Closing:
    """The report's figures."""
    shown = {name: value for name, value in report.items() if name not in NOT_SHOWN}
    facts = [(words(name), written(value)) for name, value in shown.items() if is_plain(value) or is_mean(value)]
    parts = {name: value for name, value in shown.items() if isinstance(value, dict) and not is_mean(value)}
    return Closing(facts, list(shares(parts)), list(tables(parts)))


def shares(parts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Whisker]]:
    """Each {"n", "accuracy" or "share", "low", "high"} of the report that counted anything."""
    for name, value in parts.items():
        label = f"{prefix}{words(name)}"
        if is_share(value):
            if value["n"]:
                share = value["accuracy"] if "accuracy" in value else value["share"]
                yield label, whisker(value["n"], share, value["low"], value["high"])
        elif isinstance(value, dict) and not prefix:
            yield from shares(value, prefix=f"{label}, ")


def tables(parts: dict[str, Any]) -> Iterator[Table]:
    """Parts that hold the same figures become columns of one table; any other is a table of its own."""
    alike: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for name, value in parts.items():
        if is_share(value) or not value or len(value) > MOST_ROWS:
            continue
        if all(is_plain(each) or is_mean(each) for each in value.values()):
            alike.setdefault(tuple(value), {})[name] = value
        elif all(is_figures(each) for each in value.values()):
            names = list(dict.fromkeys(name for each in value.values() for name in each))
            rows = [(words(row), [written(each.get(row)) for each in value.values()]) for row in names]
            yield Table(words(name), [words(column) for column in value], rows)
    for names, columns in alike.items():
        rows = [(words(name), [written(value[name]) for value in columns.values()]) for name in names]
        titles = [words(column) for column in columns]
        yield Table(titles[0], [""], rows) if len(titles) == 1 else Table(", ".join(titles), titles, rows)


def is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def is_figures(value: Any) -> bool:
    """A flat group of figures."""
    return (
        isinstance(value, dict)
        and not is_share(value)
        and bool(value)
        and len(value) <= MOST_ROWS
        and all(is_plain(each) or is_mean(each) for each in value.values())
    )


def is_share(value: Any) -> bool:
    return (
        isinstance(value, dict) and {"n", "low", "high"} <= value.keys() and bool({"accuracy", "share"} & value.keys())
    )


def is_mean(value: Any) -> bool:
    return isinstance(value, dict) and {"mean", "low", "high"} <= value.keys() and is_plain(value["mean"])


def words(name: str) -> str:
    """A figure's name as a person says it."""
    return name.replace("_", " ")


def written(value: Any) -> str:
    """A figure in as many digits as say something: 12,345, 0.0123, 1.2e-05; a mean with its interval."""
    if value is None or value == "":
        return NONE
    if isinstance(value, dict):
        low, high = value["low"], value["high"]
        interval = "" if low is None or high is None else f" ({written(low)} to {written(high)})"
        return f"{written(value['mean'])}{interval}"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
