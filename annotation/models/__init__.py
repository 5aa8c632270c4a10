"""What people say, and about what: projects, prompts, items of work, judgements, reviews, people's standing."""

from annotation.models.answers import Demonstration, Rating, RedTeamAttempt
from annotation.models.comparisons import Comparison, Dialogue, Preference, Reply, Response
from annotation.models.datasets import DatasetSnapshot
from annotation.models.items import Assignment, Draft, Flag, Gold, Item, Skip
from annotation.models.people import QualificationAttempt, QualificationQuestion, QualificationStep, Standing
from annotation.models.projects import Batch, GuidelineReading, GuidelineVersion, PoolEntry, Project
from annotation.models.prompts import Prompt
from annotation.models.reviews import Adjudication, Review
from annotation.models.tallies import StaleTally, Tally

__all__ = [
    "Adjudication",
    "Assignment",
    "Batch",
    "Comparison",
    "DatasetSnapshot",
    "Demonstration",
    "Dialogue",
    "Draft",
    "Flag",
    "Gold",
    "GuidelineReading",
    "GuidelineVersion",
    "Item",
    "PoolEntry",
    "Preference",
    "Project",
    "Prompt",
    "QualificationAttempt",
    "QualificationQuestion",
    "QualificationStep",
    "Rating",
    "RedTeamAttempt",
    "Reply",
    "Response",
    "Review",
    "Skip",
    "StaleTally",
    "Standing",
    "Tally",
]
