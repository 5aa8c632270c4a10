"""How long a campaign's report takes: `python -m benchmarks.report --judgements 100000`.

One JSON line: seconds of the bootstrap of the whole report (`ours`, of `--replicates` samples of prompts), of a page
that is made for the first time, of the page again (median of `--runs`) and of the page after one more judgement; the
largest size of the process. There is no peer: what others resample is one leaderboard, and not a report.

Five models meet on each prompt, three raters judge each pair. It runs on a database of its own: a SQLite file in a
temporary folder, or the empty database that `--database-url` names.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from itertools import combinations

from benchmarks.dashboards import timed
from benchmarks.measuring import peak_megabytes

MODELS, RATERS, ANNOTATORS, CATEGORIES, CHUNK = 5, 3, 40, 12, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgements", type=int, default=10_000)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--database-url", default="")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLUMBLINE_VAR_DIR"] = folder
        os.environ["ALLOWED_HOSTS"] = "testserver"
        if options.database_url:
            os.environ["DATABASE_URL"] = options.database_url
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        fill(options.judgements)
        print(json.dumps(measure(options.judgements, options.replicates, options.runs)))


def fill(judgements: int) -> None:
    """Prompts on which all models answer and each pair is judged; the better model wins more often."""
    from django.contrib.auth import get_user_model

    from annotation import tallies
    from annotation.models import Assignment, Comparison, Item, Preference, Prompt, Response
    from annotation.models.comparisons import choice_of
    from evaluation.campaigns import create_campaign
    from modeling.registry.models import Job, ModelVersion

    chance = random.Random(1)
    models = [ModelVersion.objects.create(name=f"model-{n}", kind="policy", backend="name_only") for n in range(MODELS)]
    people = get_user_model()._default_manager.bulk_create(
        get_user_model()(username=f"annotator-{number}") for number in range(ANNOTATORS)
    )
    campaign = create_campaign("large", "Large", models, raters_per_item=RATERS, annotators=people)
    pairs = list(combinations(range(MODELS), 2))
    wanted = max(1, judgements // (RATERS * len(pairs)))
    for start in range(0, wanted, CHUNK):
        prompts = Prompt.objects.bulk_create(
            Prompt(
                project=campaign.project,
                messages=[{"role": "user", "content": f"Question {n}?"}],
                category=f"category {n % CATEGORIES}",
            ).fix_identity()
            for n in range(start, min(start + CHUNK, wanted))
        )
        answers = Response.objects.bulk_create(
            Response(prompt=prompt, text="word " * chance.randrange(5, 60), model_version=model, temperature=0.7)
            for prompt in prompts
            for model in models
        )
        items = Item.objects.bulk_create(
            Item(
                project=campaign.project,
                prompt=prompt,
                response_1=answers[MODELS * place + i],
                response_2=answers[MODELS * place + j],
            )
            for place, prompt in enumerate(prompts)
            for i, j in pairs
        )
        places = Assignment.objects.bulk_create(
            Assignment(item=item, annotator=person, status=Assignment.Status.SUBMITTED)
            for item in items
            for person in chance.sample(people, RATERS)
        )
        comparisons = Comparison.objects.bulk_create(
            Comparison(
                project=campaign.project,
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
        for number, comparison in enumerate(comparisons):
            i, j = pairs[number // RATERS % len(pairs)]
            points = min(7, max(1, round(chance.gauss(4 - (j - i) / 4, 1.6))))
            choice = choice_of(points, 7)
            said.append(Preference(comparison=comparison, points=points, scale=7, choice=choice, seconds=30.0))
        Preference.objects.bulk_create(said)
    tallies.touch_project(campaign.project)
    print(f"{wanted * len(pairs) * RATERS:,} judgements on {wanted:,} prompts", file=sys.stderr)


def measure(judgements: int, replicates: int, runs: int) -> dict[str, object]:
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client

    from annotation import tallies
    from evaluation.models import Campaign
    from evaluation.reporting import bootstrap, gather

    client = Client()
    client.force_login(get_user_model()._default_manager.create_superuser("owner"))

    def page() -> None:
        answer = client.get("/campaigns/large/report/")
        if answer.status_code != 200:
            raise SystemExit(f"the page answered {answer.status_code}")

    first = timed(page)
    again = [timed(page) for _ in range(runs)]
    campaign = Campaign.objects.select_related("project").get()
    tallies.touch(campaign.project.assignments.all()[0])
    after_one = timed(page)
    material = gather(campaign)
    return {
        "name": "report bootstrap",
        "unit": "s",
        "ours": round(timed(lambda: bootstrap(material, replicates)), 3),
        "peer": None,
        "ratio": None,
        "replicates": replicates,
        "database": connection.vendor,
        "judgements": judgements,
        "first_page": round(first, 3),
        "page_again": round(statistics.median(again), 3),
        "page_after_a_judgement": round(after_one, 3),
        "megabytes": round(peak_megabytes()),
    }


if __name__ == "__main__":
    main()
