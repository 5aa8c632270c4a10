"""How fast annotators get their next item: 32 of them at once, through the real pages, on the configured database.

    python -m benchmarks.assigning [--annotators 32] [--seconds 20] [--sizes 1000 100000]

Each annotator is a thread with a signed-in client that opens the page of a pairwise evaluation with so many open items
and then submits judgement after judgement; the answer to each is the page of the next item, as it is for htmx. Sign-in
cookies, middleware, forms, templates and the reservation of the item after next are all in it; a web server is not, nor
are the threads of several processes: one interpreter does all the work. DATABASE_URL says where: a database of
the benchmark's own is made there, and dropped at the end.

What was measured of Label Studio and Potato on the same kind of machine stands in the project's design notes: 4 to 10,
and 15 requests a second for 32 annotators. Neither needs to be installed for this.

The last line of the output is the result as JSON, by the number of open items: requests (each submits one judgement and
gets the next item) per second, the median and 95th percentile of their time in milliseconds, and what one costs of a
core in this process (with SQLite, all of it): on a machine that others use too, the figure that stays the same.
"""

import argparse
import json
import os
import random
import statistics
import sys
import threading
import time
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

CHUNK = 2000
TEXT = "An answer of some forty words, as answers are. " * 5


def main() -> None:
    import django
    from django.conf import settings
    from django.db import connection
    from django.test.utils import setup_test_environment, teardown_test_environment

    options = _options()
    django.setup()
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(settings.VAR_DIR / "benchmark.sqlite3")
    settings.ALLOWED_HOSTS = ["*"]
    setup_test_environment(debug=False)
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        result: dict[str, Any] = {
            "name": "assigning",
            "unit": "requests per second, milliseconds",
            "database": connection.vendor,
            "annotators": options.annotators,
        }
        for size in options.sizes:
            result[f"{size}"] = _measure(size, options.annotators, options.seconds)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotators", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=20.0, help="How long each size is measured.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 100_000], help="Open items.")
    return parser.parse_args()


def _measure(size: int, annotators: int, seconds: float) -> dict[str, float | int]:
    project, people = _fill(size, annotators)
    times: list[list[float]] = [[] for _ in people]
    failures: list[str] = []
    barrier, until = threading.Barrier(len(people) + 1), [0.0]

    def work(number: int) -> None:
        from django.db import connection

        try:
            client, page = _signed_in(people[number]), f"/work/{project.slug}/"
            client.post(f"{page}take/")
            barrier.wait()
            while time.monotonic() < until[0]:
                start = time.perf_counter()
                if not _submit(client, project, people[number], failures):
                    break
                times[number].append(time.perf_counter() - start)
        except Exception as error:
            failures.append(repr(error))
            barrier.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(people))]
    for thread in threads:
        thread.start()
    until[0] = time.monotonic() + seconds + 3600
    barrier.wait()
    start, core = time.monotonic(), time.process_time()
    until[0] = start + seconds
    for thread in threads:
        thread.join()
    took, core = time.monotonic() - start, time.process_time() - core
    if failures:
        print(*failures[:5], sep="\n", file=sys.stderr)
    all_times = sorted(each for one in times for each in one)
    return {
        "requests": len(all_times),
        "per_second": round(len(all_times) / took, 1),
        "p50_ms": round(1000 * statistics.median(all_times)),
        "p95_ms": round(1000 * all_times[int(0.95 * len(all_times))]),
        "core_ms": round(1000 * core / len(all_times), 1),
        "failures": len(failures),
        "double_judgements": _doubles(project),
    }


def _fill(size: int, annotators: int) -> tuple[Any, list[Any]]:
    from django.db import connection

    from annotation.models import Assignment, Item, Project, Prompt, Response
    from webapp.accounts.models import User

    project = Project.objects.create(
        slug=f"benchmark-{size}", name="Benchmark", task_type=Project.TaskType.PAIRWISE_EVALUATION, overlap=2
    )
    for start in range(0, size, CHUNK):
        texts = (f"Question {number}, and what of it?" for number in range(start, min(size, start + CHUNK)))
        prompts = Prompt.objects.bulk_create(
            Prompt(project=project, messages=[{"role": "user", "content": text}]).fix_identity() for text in texts
        )
        pairs = Response.objects.bulk_create(
            Response(prompt=prompt, text=f"{side} {TEXT}") for prompt in prompts for side in ("One.", "Other.")
        )
        items = Item.objects.bulk_create(
            Item(project=project, prompt=prompt, response_1=pairs[2 * place], response_2=pairs[2 * place + 1])
            for place, prompt in enumerate(prompts)
        )
        Assignment.objects.bulk_create(Assignment(item=item) for item in items for _ in range(project.overlap))
        print(f"{start + len(items):,} items", end="\r", file=sys.stderr)
    people = [User.objects.create_user(username=f"rater-{size}-{number}") for number in range(annotators)]
    project.annotators.set(people)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return project, people


def _signed_in(person: Any) -> Any:
    from django.test import Client

    client = Client(headers={"hx-request": "true"})
    client.force_login(person)
    return client


def _submit(client: Any, project: Any, person: Any, failures: list[str]) -> bool:
    """Judge what is in hand, which is read from its row and not from the page; False when nothing is."""
    from annotation.comparing import submission_key
    from annotation.models import Assignment, Comparison

    held = Comparison.objects.filter(
        assignment__annotator=person, assignment__project=project, assignment__status=Assignment.Status.LEASED
    ).first()
    if held is None:
        return False
    body = {
        "verdict": str(random.randint(1, 7)),
        "submission": str(submission_key(held)),
        "step": f"judge-{held.pk}",
    }
    answer = client.post(f"/work/{project.slug}/judge/{held.pk}/", body)
    if answer.status_code != 200:
        failures.append(f"status {answer.status_code}")
    return True


def _doubles(project: Any) -> int:
    """Items that somebody judged twice or that have more judgements than places: there should be none."""
    from django.db.models import Count

    from annotation.models import Preference

    item = "comparison__assignment__item"
    said = Preference.objects.filter(comparison__project=project).values(item)
    over = said.annotate(times=Count("pk")).filter(times__gt=project.overlap).count()
    twice = said.values(item, "comparison__annotator").annotate(times=Count("pk")).filter(times__gt=1).count()
    return over + twice


if __name__ == "__main__":
    main()
