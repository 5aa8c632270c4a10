"""How long a project's dashboard takes: `python -m benchmarks.dashboards --judgements 100000`.

One JSON line: seconds of the page that counts everything for the first time (after an import), of the page when one
annotator's day is stale (after a submission), and of the page with nothing stale (median of `--runs`); the same sums
straight from the judgements, which is what a page without tallies would pay; and the plan of the largest query.

It runs on a database of its own: a SQLite file in a temporary folder, or the empty database that DATABASE_URL names.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta

RATERS, ANNOTATORS, BATCHES, DAYS, CHUNK = 3, 40, 12, 120, 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgements", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLUMBLINE_VAR_DIR"] = folder
        os.environ["ALLOWED_HOSTS"] = "testserver"
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        fill(options.judgements)
        print(json.dumps(measure(options.judgements, options.runs)))


def fill(judgements: int) -> None:
    """Stored pairs with three raters each, spread over annotators and days, whose batches follow each other."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from annotation import tallies
    from annotation.models import Assignment, Batch, Comparison, Item, Preference, Project, Prompt, Response
    from annotation.models.comparisons import choice_of
    from modeling.registry.models import Job

    chance, now = random.Random(1), timezone.now()
    Preference._meta.get_field("submitted_at").auto_now_add = False  # they were said on many days
    project = Project.objects.create(slug="large", name="Large", task_type="pairwise_evaluation", overlap=RATERS)
    people = get_user_model()._default_manager.bulk_create(
        get_user_model()(username=f"annotator-{number}") for number in range(ANNOTATORS)
    )
    project.annotators.set(people)
    batches = [Batch.objects.create(project=project, number=number + 1) for number in range(BATCHES)]
    prompts = Prompt.objects.bulk_create(
        Prompt(project=project, messages=[{"role": "user", "content": f"Question {n}?"}]).fix_identity()
        for n in range(1000)
    )
    answers = Response.objects.bulk_create(
        Response(prompt=prompt, text="word " * chance.randrange(5, 60)) for prompt in prompts for _ in range(2)
    )
    for start in range(0, judgements // RATERS, CHUNK):
        count = min(CHUNK, judgements // RATERS - start)
        picks = [chance.randrange(len(prompts)) for _ in range(count)]
        days = [chance.randrange(DAYS) for _ in range(count)]
        items = Item.objects.bulk_create(
            Item(
                project=project,
                batch=batches[day * BATCHES // DAYS],
                prompt=prompts[pick],
                response_1=answers[2 * pick],
                response_2=answers[2 * pick + 1],
            )
            for pick, day in zip(picks, days, strict=True)
        )
        places = Assignment.objects.bulk_create(
            Assignment(
                item=item,
                annotator=person,
                status=Assignment.Status.SUBMITTED,
                submitted_at=now - timedelta(days=day),
                seconds=chance.expovariate(1 / 40),
            )
            for item, day in zip(items, days, strict=True)
            for person in chance.sample(people, RATERS)
        )
        comparisons = Comparison.objects.bulk_create(
            Comparison(
                project=project,
                batch=place.item.batch,
                prompt=place.item.prompt,
                response_a=place.item.response_1,
                response_b=place.item.response_2,
                assignment=place,
                annotator=place.annotator,
                status=Job.Status.DONE,
            )
            for place in places
        )
        said = []
        for comparison, place in zip(comparisons, places, strict=True):
            points = min(7, max(1, round(chance.gauss(3 + place.item_id % 3, 1.2))))
            said.append(
                Preference(
                    comparison=comparison,
                    points=points,
                    scale=7,
                    choice=choice_of(points, 7),
                    seconds=place.seconds,
                    submitted_at=place.submitted_at,
                )
            )
        Preference.objects.bulk_create(said)
        print(f"{(start + count) * RATERS:,} of {judgements:,} judgements", file=sys.stderr)
    tallies.touch_project(project)


def measure(judgements: int, runs: int) -> dict[str, object]:
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.db.models import Avg, Count, Q
    from django.test import Client

    from annotation import tallies
    from annotation.models import Item, Preference, Project

    project = Project.objects.get()
    client = Client()
    client.force_login(get_user_model()._default_manager.create_superuser("owner"))

    def page() -> None:
        answer = client.get("/projects/large/")
        if answer.status_code != 200:
            raise SystemExit(f"the page answered {answer.status_code}")

    def straight() -> None:
        """The sums of one dashboard from the judgements themselves."""
        rows = Preference.objects.filter(comparison__project=project, current=True)
        rows.aggregate(a=Count("pk", filter=Q(choice="a")), b=Count("pk", filter=Q(choice="b")), time=Avg("seconds"))
        list(rows.values("points").annotate(Count("pk")))
        for group in ("comparison__annotator", "comparison__batch"):
            list(rows.values(group).annotate(Count("pk"), a=Count("pk", filter=Q(choice="a"))))

    first = timed(page)
    settled = statistics.median(timed(page) for _ in range(runs))
    place = project.assignments.all()[0]
    after_one = []
    for _ in range(runs):
        tallies.touch(place)
        after_one.append(timed(page))
    patterns = Item.objects.filter(project=project, pattern__contains=",").order_by()
    plan = patterns.values_list("batch", "pattern").annotate(Count("pk")).explain()
    return {
        "name": "dashboard",
        "unit": "s",
        "database": connection.vendor,
        "judgements": judgements,
        "first_count": round(first, 3),
        "after_a_submission": round(statistics.median(after_one), 3),
        "settled": round(settled, 3),
        "straight_from_judgements": round(statistics.median(timed(straight) for _ in range(runs)), 3),
        "plan_of_agreement": plan,
    }


def timed(deed: Callable[[], object]) -> float:
    start = time.perf_counter()
    deed()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
