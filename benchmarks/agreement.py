"""AC2 with its interval on a million items with three raters each, against the Python port of irrCAC.

    python -m venv PEER && PEER/bin/pip install irrCAC
    python -m benchmarks.agreement --peer-python PEER/bin/python [--items 1000000] [--runs 3] [--database-url URL]

Ours reads how often each pattern of ratings occurs from the database, by a GROUP BY over the items' table, and computes
from the patterns; the table is SQLite's in a temporary file, or that of the empty PostgreSQL database that
--database-url names. The peer computes from a table of ratings that it has in memory. Both are told the weights
(quadratic) and the seven categories, and the same ratings; their values have to agree to 1e-9. Every side runs in a
process of its own, in turn, --runs times; figures are medians, in seconds. The last line is the result as JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RATERS, SCALE, SEED = 3, 7, 5

PEER = """
import json, sys, time
import numpy as np, pandas as pd
from irrCAC.raw import CAC
table = pd.DataFrame(np.load(sys.argv[1]))
start = time.perf_counter()
found = CAC(table, weights="quadratic", categories=list(range(1, 8)), digits=14).gwet()["est"]
print(json.dumps({"seconds": time.perf_counter() - start, "value": float(found["coefficient_value"])}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer-python", type=Path, required=True, help="the Python of an environment with irrCAC")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--database-url", help="an empty PostgreSQL database; SQLite in a temporary file when omitted")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
        os.environ["PLUMBLINE_VAR_DIR"] = folder
        if options.database_url:
            os.environ["DATABASE_URL"] = options.database_url
        else:
            os.environ.pop("DATABASE_URL", None)
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        ratings = Path(folder) / "ratings.npy"
        fill(options.items, ratings)
        ours, theirs = [], []
        for _ in range(options.runs):
            ours.append(measure())
            theirs.append(_peer(options.peer_python, ratings))
            print(f"ours {ours[-1]}, peer {theirs[-1]}", file=sys.stderr)
        print(json.dumps(_result(options, ours, theirs)))


def fill(items: int, ratings: Path) -> None:
    """Items of one project with their patterns, and the same ratings (items, 3) in a file for the peer."""
    import numpy as np

    from annotation.models import Item, Project, Prompt, Response

    rng = np.random.default_rng(SEED)
    quality = rng.integers(1, SCALE + 1, (items, 1))
    table = np.clip(quality + rng.integers(-2, 3, (items, RATERS)), 1, SCALE)
    np.save(ratings, table.astype(np.float64))
    project = Project.objects.create(slug="large", name="Large", task_type="quality_rating", overlap=RATERS)
    prompt = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Which?"}])
    response = Response.objects.create(prompt=prompt, text="This one.")
    for start in range(0, items, 20_000):
        rows = np.sort(table[start : start + 20_000], axis=1).tolist()
        Item.objects.bulk_create(
            [
                Item(project=project, prompt=prompt, response_1=response, pattern=",".join(map(str, row)))
                for row in rows
            ],
            batch_size=2000,
        )
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def measure() -> dict[str, float]:
    from annotation.models import Project
    from evaluation.agreeing import counted_in
    from evaluation.statistics.agreement import gwet
    from evaluation.statistics.patterns import Patterns

    project = Project.objects.get()
    start = time.perf_counter()
    patterns = counted_in(project).ratings
    counted = time.perf_counter()
    found = gwet(patterns, "quadratic")
    end = time.perf_counter()
    if not isinstance(patterns, Patterns) or found.value is None or found.interval is None:
        raise SystemExit(f"there is no AC2: {found.note}")
    return {"seconds": end - start, "group_by": counted - start, "computation": end - counted, "value": found.value}


def _peer(python: Path, ratings: Path) -> dict[str, float]:
    finished = subprocess.run([str(python), "-c", PEER, str(ratings)], capture_output=True, text=True)  # noqa: S603
    if finished.returncode:
        raise SystemExit(f"the peer failed:\n{finished.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return figures


def _result(
    options: argparse.Namespace, ours: list[dict[str, float]], theirs: list[dict[str, float]]
) -> dict[str, Any]:
    apart = abs(ours[0]["value"] - theirs[0]["value"])
    if apart > 1e-9:
        raise SystemExit(f"the sides disagree: {ours[0]['value']} and {theirs[0]['value']}")
    from django.db import connection

    def median(rows: list[dict[str, float]], name: str) -> float:
        return statistics.median(row[name] for row in rows)

    peer = median(theirs, "seconds")
    return {
        "name": "agreement",
        "unit": "s",
        "ours": round(median(ours, "seconds"), 4),
        "peer": round(peer, 3),
        "ratio": round(peer / median(ours, "seconds"), 1),
        "group_by": round(median(ours, "group_by"), 4),
        "computation": round(median(ours, "computation"), 5),
        "ratio_of_the_computation": round(peer / median(ours, "computation"), 1),
        "database": connection.vendor,
        "items": options.items,
        "raters": RATERS,
        "categories": SCALE,
        "value": ours[0]["value"],
        "apart": apart,
        "peer_name": "irrCAC (Python) CAC.gwet",
    }


if __name__ == "__main__":
    main()
