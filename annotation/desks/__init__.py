"""The annotators' desks: one class for each kind of work."""

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet

from annotation.desks.comparing import ComparisonDesk
from annotation.desks.demonstrating import DemonstrationDesk
from annotation.desks.desk import Desk
from annotation.desks.rating import RatingDesk
from annotation.desks.red_teaming import RedTeamDesk
from annotation.models import Project

__all__ = [
    "ComparisonDesk",
    "DemonstrationDesk",
    "Desk",
    "RatingDesk",
    "RedTeamDesk",
    "desk_of",
    "known_projects",
    "projects_of",
]

TaskType = Project.TaskType
DESKS: dict[str, type[Desk]] = {
    TaskType.PREFERENCE: ComparisonDesk,
    TaskType.DEMONSTRATION: DemonstrationDesk,
    TaskType.RED_TEAM: RedTeamDesk,
    TaskType.PAIRWISE_EVALUATION: ComparisonDesk,
    TaskType.SAFETY_RATING: RatingDesk,
    TaskType.QUALITY_RATING: RatingDesk,
}


def desk_of(project: Project, annotator: AbstractUser) -> Desk:
    """The annotator's desk in a project, by its kind of work."""
    return DESKS[project.task_type](project, annotator)


def known_projects(user: AbstractUser) -> QuerySet[Project]:
    """The projects that `user` may know of: their own; managers know any."""
    projects = Project.objects.all()
    return projects if user.has_perm("annotation.change_project") else projects.filter(annotators=user.pk)


def projects_of(user: AbstractUser) -> QuerySet[Project]:
    """The projects that `user` may work in: archived ones are closed."""
    return known_projects(user).filter(archived_at=None)
