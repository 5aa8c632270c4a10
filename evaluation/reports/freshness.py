"""Whether a report that was made before still says what a new one would: a mark that is cheap to take.

Tallies know of every judgement, revision, rejection and taking back (`annotation.tallies`): whoever changes what counts
touches a day, and a day that is counted anew gets new rows. What they don't count (gold, adjudication, items, scores,
names and settings) is few or found by an index.
"""

import hashlib
from typing import Any

from django.db.models import Count, Max, Sum

from annotation import tallies
from annotation.models import Adjudication, Assignment, Gold, Item, Prompt
from annotation.models.tallies import Tally
from evaluation.models import Campaign
from evaluation.reports.rendering import software
from evaluation.reports.sections import SECTIONS
from modeling.registry.models import ModelVersion


def fingerprint(campaign: Campaign) -> str:
    """Differs whenever the campaign's report may: of other judgements, settings or software. SHA-256 in hexadecimal."""
    project = campaign.project
    tallies.refresh(project)
    items = Item.objects.filter(project=project).order_by()
    known: list[Any] = [
        software(),
        f"{campaign.slug}\n{campaign.name}\n{project.dimension}\n{project.overlap}\n{project.task_type}",
        _counted(Tally.objects.filter(project=project), Sum("pk"), Sum("judged")),
        _counted(items),
        _counted(Assignment.objects.filter(project=project)),
        _counted(Gold.objects.filter(item__project=project)),
        _counted(Adjudication.objects.filter(item__project=project)),
        _labels(campaign),
        list(ModelVersion.objects.order_by("pk").values_list("pk", "name")),
        list(campaign.model_versions.order_by("pk").values_list("pk", flat=True)),
        *(section.source.fingerprint(campaign) for section in SECTIONS if section.source),
    ]
    return hashlib.sha256(repr(known).encode()).hexdigest()


def _counted(rows: Any, *more: Any) -> tuple[Any, ...]:
    return tuple(rows.order_by().aggregate(Count("pk"), Max("pk"), *more).values())


def _labels(campaign: Campaign) -> list[tuple[Any, ...]]:
    """Prompts are never changed once stored, but for the labels that slices are made by."""
    prompts = Prompt.objects.filter(project=campaign.project).values_list("category", "risk_category")
    return list(prompts.annotate(Count("pk"), Sum("pk")).order_by("category", "risk_category"))
