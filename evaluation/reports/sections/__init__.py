"""The sections of a report, in the page's order."""

from typing import Any

from evaluation.reports.section import Section
from evaluation.reports.sections import (
    agreement,
    combined,
    histogram,
    judge_models,
    judges,
    leaderboard,
    lengths,
    paired,
    pairs,
    raters,
    slices,
)

SECTIONS: tuple[Section[Any], ...] = (
    pairs.SECTION,
    paired.SECTION,
    leaderboard.SECTION,
    histogram.SECTION,
    agreement.SECTION,
    slices.SECTION,
    lengths.SECTION,
    raters.SECTION,
    judges.SECTION,
    judge_models.SECTION,
    combined.SECTION,
)
