"""A run's closing figures as its page shows them, whatever the recipe: facts, estimates with intervals, small tables.

A recipe's report is plain JSON. What it says as numbers is shown; its long lists are for plots and stay in the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from annotation.models.comparisons import RATINGS
from evaluation.wording import NONE
from webapp.dashboards.charts import Whisker, whisker

NOT_SHOWN = ("identity", "model_digest", "accuracy_by_batch")
MOST_ROWS = 40
FIRST = ("start", "before", "best", "end", "after", *RATINGS)
"""Names that follow one another in time or in strength. A database need not keep the order in which a report was
written (PostgreSQL doesn't), so all others follow in alphabetical order."""
UNITS = {"seconds": "s"}


@dataclass(frozen=True)
class Table:
    """Figures under one title: a column per part of the report, a row per figure."""

    title: str
    columns: list[str]
    rows: list[tuple[str, list[str]]]

    @property
    def is_wide(self) -> bool:
        return sum(max(len(values[place]) for _, values in self.rows) for place in range(len(self.columns))) > 40


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
    shown = {name: value for name, value in in_order(report).items() if name not in NOT_SHOWN}
    facts = [
        (words(name), with_unit(name, value)) for name, value in shown.items() if is_plain(value) or is_mean(value)
    ]
    parts = {name: value for name, value in shown.items() if isinstance(value, dict) and not is_mean(value)}
    return Closing(facts, list(shares(parts)), list(tables(parts)))


def in_order(value: Any) -> Any:
    """The same figures, every object's in the order of their names."""
    if not isinstance(value, dict):
        return value
    names = sorted(value, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    return {name: in_order(value[name]) for name in names}


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
    """A table per part. Parts that hold the same plain figures are columns of one; groups within a part are rows."""
    alike: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for name, value in parts.items():
        if is_share(value):
            continue
        figures = {
            key: each for key, each in value.items() if is_figure(each) and key not in (*NOT_SHOWN, "parameters")
        }
        groups = {key: each for key, each in value.items() if is_group(each)}
        if 0 < len(figures) <= MOST_ROWS:
            alike.setdefault((name,) if any(map(is_mean, figures.values())) else tuple(figures), {})[name] = figures
        if 0 < len(groups) <= MOST_ROWS and any(each for group in groups.values() for each in group.values()):
            yield by_row(name, groups)
        deeper = {f"{name} {key}": each for key, each in value.items() if isinstance(each, dict) and key not in groups}
        yield from tables({key: each for key, each in deeper.items() if not is_mean(each)})
    for columns in alike.values():
        rows = [(words(key), [written(each[key]) for each in columns.values()]) for key in next(iter(columns.values()))]
        titles = [words(column) for column in columns]
        yield Table(titles[0], [""], rows) if len(titles) == 1 else Table(", ".join(titles), titles, rows)


def by_row(title: str, groups: dict[str, dict[str, Any]]) -> Table:
    """A row per group, a column per figure."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    rows = [(words(key), [written(group.get(name)) for name in names]) for key, group in groups.items()]
    return Table(words(title), [words(name) for name in names], rows)


def is_group(value: Any) -> bool:
    """Figures under one name."""
    if not isinstance(value, dict) or not value or is_share(value) or is_mean(value):
        return False
    return all(map(is_figure, value.values()))


def is_figure(value: Any) -> bool:
    return is_plain(value) or is_mean(value)


def is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def is_share(value: Any) -> bool:
    return (
        isinstance(value, dict) and {"n", "low", "high"} <= value.keys() and bool({"accuracy", "share"} & value.keys())
    )


def is_mean(value: Any) -> bool:
    return isinstance(value, dict) and {"mean", "low", "high"} <= value.keys() and is_plain(value["mean"])


def words(name: str) -> str:
    """A figure's name as a person says it."""
    return name.replace("_", " ")


def with_unit(name: str, value: Any) -> str:
    """A figure as it is written, with its unit where its name alone doesn't count something."""
    return f"{written(value)} {UNITS[name]}" if name in UNITS and value is not None else written(value)


def written(value: Any) -> str:
    """A figure in as many digits as say something: 12,345, 0.0123, 1.2e-05; a mean with its interval."""
    if value is None or value == "":
        return NONE
    if isinstance(value, dict):
        low, high = value["low"], value["high"]
        if value["mean"] is None or low is None or high is None:
            return written(value["mean"])
        return f"{value['mean']:.3g} ({low:.3g} to {high:.3g})"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
