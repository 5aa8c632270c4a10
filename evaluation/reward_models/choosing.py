"""The projects and reward models that somebody names; who mistypes is told what there is."""

from annotation.models import Project
from modeling.registry.models import ModelVersion

REWARD_KINDS = (ModelVersion.Kind.HELPFULNESS_REWARD, ModelVersion.Kind.SAFETY_REWARD)

DIMENSIONS = {
    ModelVersion.Kind.HELPFULNESS_REWARD: Project.Dimension.HELPFULNESS,
    ModelVersion.Kind.SAFETY_REWARD: Project.Dimension.SAFETY,
}


class NotFoundError(Exception):
    """Nothing bears the name; says what does."""


def find_reward_model(name: str) -> ModelVersion:
    """Raises NotFoundError."""
    found = ModelVersion.objects.filter(name=name).first()
    if found and found.is_reward_model:
        return found
    known = ", ".join(
        ModelVersion.objects.filter(kind__in=REWARD_KINDS).order_by("name").values_list("name", flat=True)
    )
    if found:
        raise NotFoundError(
            f"{name} is a {found.get_kind_display()}: only a reward model can judge. Reward models: {known or 'none'}."
        )
    raise NotFoundError(f'There is no model "{name}". Reward models: {known or "none yet"}.')


def find_project(slug: str) -> Project:
    """Raises NotFoundError."""
    found = Project.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise NotFoundError(f'There is no project "{slug}". Projects: {known}.')
    return found


def find_policy(name: str) -> ModelVersion:
    """Raises NotFoundError."""
    found = ModelVersion.objects.filter(name=name, kind=ModelVersion.Kind.POLICY).first()
    if found is None:
        policies = ModelVersion.objects.filter(kind=ModelVersion.Kind.POLICY).order_by("name")
        known = ", ".join(policies.values_list("name", flat=True)) or "none yet"
        raise NotFoundError(f'There is no policy "{name}". Policies: {known}.')
    return found
