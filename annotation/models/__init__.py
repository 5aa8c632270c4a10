"""What people say, and about what: projects, prompts, items of work, comparisons and preferences."""

from annotation.models.comparisons import Comparison, Dialogue, Preference, Response
from annotation.models.datasets import DatasetSnapshot
from annotation.models.items import Assignment, Draft, Item, Skip
from annotation.models.projects import Batch, GuidelineVersion, PoolEntry, Project
from annotation.models.prompts import Prompt

__all__ = [
    "Assignment",
    "Batch",
    "Comparison",
    "DatasetSnapshot",
    "Dialogue",
    "Draft",
    "GuidelineVersion",
    "Item",
    "PoolEntry",
    "Preference",
    "Project",
    "Prompt",
    "Response",
    "Skip",
]
