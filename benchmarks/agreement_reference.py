"""Agreement coefficients against the values of Gwet's R package: `python -m benchmarks.agreement_reference FOLDER`.

FOLDER holds agreement_reference.csv (dataset, kind, weights, coefficient, n, pa, pe, value, se, lcb, ucb,
p_one_sided_R, conflev, N) and the ratings behind it: gwet/DATASET.csv, the tables of Gwet's books; pandalm_human.jsonl;
and xstest_*.csv with two annotations for each completion of one or more models.

Every case is computed from the ratings as they are: raw ratings as a table and once more as counts, distributions as
counts, contingency tables as such. One JSON line tells how many cases were compared, the largest absolute deviations by
coefficient, and the cases excepted, by the name of the reason. The exit status is 1 where a case deviates by more than
1e-9 (limits of the interval 1e-8), or is undefined on one side alone.

Excepted is what is known to be a defect of the package: it computes the standard error of Krippendorff's alpha from a
distribution otherwise than from the ratings behind the same distribution; and where weights are undefined it gives
percent agreement the expected agreement 0, and we none.
"""

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.statistics.agreement import COEFFICIENTS, Agreement
from evaluation.statistics.arrays import FloatArray
from evaluation.statistics.patterns import Contingency, Patterns, encode

FIGURES = ("observed", "expected", "value", "standard_error", "lower", "upper", "p_value")
COLUMNS = dict(zip(("pa", "pe", "value", "se", "lcb", "ucb", "p_one_sided_R"), FIGURES, strict=True))
TOLERANCES = dict.fromkeys(FIGURES, 1e-9) | {"lower": 1e-8, "upper": 1e-8}
OUR_NAMES = {"bp": "brennan_prediger", "percent": "percent_agreement", "scott": "fleiss", "cohen": "conger"}
LABELS = {"Group", "Unit", "Units", "Subject", "subject", "Type", "Diagnosis"}
"""Columns of Gwet's tables that name an item or a row."""

KRIPPENDORFF = "standard error of krippendorff from a distribution"
PERCENT = "expected agreement of percent agreement where the weights are undefined"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    try:
        result = check(options.folder)
    except OSError as error:
        parser.error(f"can't read {error.filename}: {error.strerror}")
    print(json.dumps(result, allow_nan=False))
    return 1 if result["deviating"] else 0


def check(folder: Path) -> dict[str, Any]:
    largest: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0.0))
    counts: Counter[str] = Counter()
    by_kind: Counter[str] = Counter()
    excepted: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    deviating: list[str] = []
    data = Data(folder)
    for row in _rows(folder / "agreement_reference.csv"):
        counts["cases"] += 1
        try:
            forms = data.forms(row["dataset"], row["kind"])
        except KeyError:
            missing[row["dataset"]] += 1
            continue
        counts["compared"] += 1
        by_kind[row["kind"]] += 1
        counts["undefined on both sides"] += row["value"] in ("", "NA", "NaN")
        reasons = set()
        for form in forms:
            coefficient = OUR_NAMES.get(row["coefficient"], row["coefficient"])
            if coefficient == "conger" and isinstance(form, Patterns):
                continue
            ours = figures(COEFFICIENTS[coefficient](form, weights=row["weights"]))
            for column, figure in COLUMNS.items():
                theirs = float(row[column]) if row[column] not in ("", "NA", "NaN") else None
                if column in ("pa", "pe") and row["kind"] == "table":
                    continue  # the reference has none for tables
                if reason := _exception(row, figure, ours):
                    reasons.add(reason)
                    continue
                if ours[figure] is None or theirs is None:
                    apart = 0.0 if ours[figure] is theirs else float("inf")
                else:
                    apart = abs(ours[figure] - theirs)
                    largest[row["coefficient"]][figure] = max(largest[row["coefficient"]][figure], apart)
                if apart > TOLERANCES[figure]:
                    case = f"{row['dataset']} {row['weights']} {row['coefficient']}"
                    deviating.append(f"{case}: {figure} {ours[figure]}, reference {theirs}")
        excepted.update(reasons)
    return {
        "name": "agreement_reference",
        **counts,
        "by_kind": dict(by_kind),
        "without_data": dict(missing),
        "excepted": dict(excepted),
        "deviating": deviating,
        "largest_deviations": dict(largest),
    }


def figures(found: Agreement) -> dict[str, Any]:
    lower, upper = found.interval or (None, None)
    return {name: getattr(found, name, None) for name in FIGURES} | {"lower": lower, "upper": upper}


def _exception(row: dict[str, str], figure: str, ours: dict[str, Any]) -> str:
    if row["kind"] == "dist" and row["coefficient"] == "krippendorff":
        return KRIPPENDORFF if figure in ("standard_error", "lower", "upper", "p_value") else ""
    undefined = row["coefficient"] == "percent" and ours["value"] is None
    return PERCENT if undefined and figure == "expected" else ""


class Data:
    """The ratings by the names that the reference gives them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.forms: Callable[[str, str], list[Any]] = cache(self._forms)

    def _forms(self, dataset: str, kind: str) -> list[Any]:
        """The forms in which the ratings can be handed over. Raises KeyError when they are not in the folder."""
        if kind == "table":
            return [Contingency.of(self._numbers(dataset))]
        if kind == "dist":
            return [Patterns.from_counts(self._numbers(dataset))]
        name, _, part = dataset.rpartition(".")
        if name == "xstest":
            ratings = self._xstest(part)
        elif name == "pandalm":
            ratings = self._pandalm(ordinal=part == "ordinal")
        elif name == "cac.general":
            ratings = _table(self._by_subject(("Var1", "Var2", "Var3").index(part)))
        else:
            ratings = _table([list(row) for row in self._gwet(dataset)])
        encoded = encode(ratings)
        counts = (encoded.codes[:, :, None] == np.arange(len(encoded.scale.values))).sum(axis=1)
        return [ratings, Patterns.from_counts(counts, categories=encoded.scale.categories)]

    def _gwet(self, dataset: str) -> list[list[str]]:
        """The rows of a table without the columns that name them."""
        path = self.folder / "gwet" / f"{dataset}.csv"
        if not path.exists():
            raise KeyError(dataset)
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        kept = [place for place, name in enumerate(header) if name not in LABELS]
        return [[row[place].strip() for place in kept] for row in rows]

    def _numbers(self, dataset: str) -> FloatArray:
        return np.array(self._gwet(dataset), dtype=np.float64)

    def _by_subject(self, variable: int) -> list[list[str]]:
        """One row of ratings for each group and subject, of a file with a line for each rating."""
        with (self.folder / "gwet" / "cac.general.csv").open(newline="", encoding="utf-8") as file:
            _, *rows = csv.reader(file)
        raters = sorted({row[2] for row in rows})
        given = {(row[0], row[1], row[2]): row[3 + variable] for row in rows}
        subjects = dict.fromkeys((row[0], row[1]) for row in rows)
        return [[given.get((*subject, rater), "") for rater in raters] for subject in subjects]

    def _pandalm(self, ordinal: bool) -> FloatArray:
        """Annotators say 0, a tie, 1 or 2: by themselves, or in the order 1, tie, 2."""
        path = self.folder / "pandalm_human.jsonl"
        with path.open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        said = np.array([[row[f"annotator_{number}"] for number in (1, 2, 3)] for row in rows], dtype=np.float64)
        return np.choose(said.astype(np.int64), [2.0, 1.0, 3.0]) if ordinal else said + 1

    def _xstest(self, model: str) -> FloatArray:
        """Compliance, partial refusal, full refusal, in this order."""
        order = {"1_full_compliance": 1, "3_partial_refusal": 2, "2_full_refusal": 3}
        found = [
            [order[row["annotation_1"]], order[row["annotation_2"]]]
            for path in sorted(self.folder.glob("xstest_*.csv"))
            for row in _rows(path)
            if row.get("model") == model
        ]
        if not found:
            raise KeyError(model)
        return np.array(found, dtype=np.float64)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _table(rows: list[list[str]]) -> Any:
    """Numbers where all are numbers, else words; empty or a dot is missing."""
    cells = [[None if cell in ("", ".") else cell for cell in row] for row in rows]
    try:
        return np.array([[np.nan if cell is None else float(cell) for cell in row] for row in cells])
    except ValueError:
        return cells


if __name__ == "__main__":
    sys.exit(main())
