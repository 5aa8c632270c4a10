"""The report of a campaign: who wins how often, how far the raters agree, and what reward models say to it.

Figures come from `evaluation.statistics`, section by section (`evaluation.reports`). Each has its interval and, where
it is undefined, a note in words.
"""

import numpy as np
from django.utils import timezone

from evaluation.judging import collect
from evaluation.models import Campaign
from evaluation.reports.lines import Line
from evaluation.reports.material import Facts, Material
from evaluation.reports.report import Report
from evaluation.reports.resampling import REPLICATES, SEED, Resampling
from evaluation.reports.sections import SECTIONS
from evaluation.reports.sections.raters import durations, left_share
from evaluation.reports.settings import settings_of
from evaluation.statistics.replicates import Sums, summed_up

__all__ = ["Report", "bootstrap", "compute", "gather", "report"]


def report(campaign: Campaign) -> Report:
    """The campaign as it stands now; an empty or half-finished one makes a report whose notes say what is missing."""
    return compute(gather(campaign))


def gather(campaign: Campaign) -> Material:
    """All that a report is made from, read once."""
    facts = Facts(
        campaign=campaign.slug,
        name=campaign.name,
        dimension=campaign.project.dimension,
        made_at=timezone.now().isoformat(timespec="seconds"),
        raters_per_item=campaign.project.overlap,
        settings=settings_of(campaign),
        models=tuple(campaign.model_versions.order_by("name").values_list("name", flat=True)),
    )
    extras = {section.key: section.source.collect(campaign) for section in SECTIONS if section.source}
    return Material(facts, collect(campaign), extras)


def compute(material: Material) -> Report:
    """The report of what was gathered, and of nothing else: the same material makes the same report."""
    facts, collected, ballots = material.facts, material.collected, material.ballots
    figures = {section.key: section.figures(material) for section in SECTIONS}
    return Report(
        campaign=facts.campaign,
        name=facts.name,
        dimension=facts.dimension,
        made_at=facts.made_at,
        raters_per_item=facts.raters_per_item,
        settings=facts.settings,
        graded=collected.graded,
        imported=collected.imported,
        items=len(ballots),
        judged=int(ballots.cast.any(axis=1).sum()),
        complete=collected.complete,
        left_out=collected.left_out,
        prompts=len(np.unique(ballots.prompts)),
        votes=int(ballots.cast.sum()),
        places=collected.places,
        unusable=collected.unusable,
        models=material.models,
        seconds=durations(ballots.seconds),
        left_share=left_share(ballots, ballots.cast),
        figures={key: found for key, found in figures.items() if found is not None},
    )


def bootstrap(material: Material, replicates: int = REPLICATES, seed: int = SEED) -> tuple[Line, ...]:
    """Every figure that a section can resample, with its interval over samples of prompts drawn with replacement."""
    sums = Sums(material.ballots.prompts)
    resampling = Resampling(material, sums)
    asked = [figure for section in SECTIONS if section.resample for figure in section.resample(resampling)]
    sample, drawn = sums.once(), sums.draw(replicates, seed)
    lines = []
    for figure in asked:
        value = float(figure.replicates(sample)[0])
        found = summed_up(None if np.isnan(value) else value, figure.replicates(drawn), sums.clusters)
        lines.append(figure.subject.line(figure.name, found, figure.n))
    return tuple(lines)
