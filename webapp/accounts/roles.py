"""The four roles of product.md as Django groups with permissions, granted anew after every migrate, and who may hand
out which."""

from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

OWNER, MANAGER, REVIEWER, ANNOTATOR = "owner", "manager", "reviewer", "annotator"
ROLES = {OWNER: _("owner"), MANAGER: _("manager"), REVIEWER: _("reviewer"), ANNOTATOR: _("annotator")}
"""Each role's name in words, the most powerful first."""

# What each role may do, one line per grant:
#   "app.model"                 all four permissions on a model: view, add, change, delete
#   "app.model:view,change"     those alone; a permission of the model's own (Meta.permissions) goes by its codename
#   "app.*", "app.*:view"       the same for each model of an app
GRANTS: dict[str, list[str]] = {
    OWNER: ["annotation.*", "evaluation.*", "registry.*", "accounts.*", "authtoken.*"],
    MANAGER: [
        "annotation.*",
        "evaluation.*",
        "registry.*",
        "accounts.user:view,add,change",
        "accounts.invitation:view,add,change",
        "accounts.identity:view",
    ],
    # Not the models nor the reports that name them: a reviewer judges work without knowing who wrote what.
    REVIEWER: ["annotation.*:view", "annotation.review:add", "annotation.adjudication:add"],
    ANNOTATOR: ["annotation.preference:add"],
}


def grant_roles(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Create the role groups and give each its permissions; after the last app, so that all permissions exist."""
    if sender != [config for config in apps.get_app_configs() if config.models_module][-1]:
        return
    from django.contrib.auth.models import Group

    for role, grants in GRANTS.items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        group.permissions.set([permission for grant in grants for permission in permissions_of(grant, using)])


def permissions_of(grant: str, using: str = "default") -> list[Any]:
    """The permissions that a line of GRANTS names."""
    from django.contrib.auth.models import Permission

    target, _, actions = grant.partition(":")
    app_label, _, model = target.partition(".")
    found = Permission.objects.using(using).filter(content_type__app_label=app_label).select_related("content_type")
    if model != "*":
        found = found.filter(content_type__model=model)
    wanted = actions.split(",") if actions else []

    def is_wanted(permission: Permission) -> bool:
        of_each_model = permission.codename.removesuffix(f"_{permission.content_type.model}")
        return not wanted or of_each_model in wanted or permission.codename in wanted

    return [permission for permission in found if is_wanted(permission)]


def roles_of(person: Any) -> list[str]:
    """The roles of a person, the most powerful first; a superuser is an owner."""
    held = {group.name for group in person.groups.all()} | ({OWNER} if person.is_superuser else set())
    return [role for role in ROLES if role in held]


def is_owner(person: Any) -> bool:
    return OWNER in roles_of(person)


def outranks(person: Any, actor: Any) -> bool:
    """Whether `person` holds more than `actor`, who must then not touch the account (nor wake it up again)."""
    if person is None or actor.is_superuser:
        return False
    return person.is_superuser or (is_owner(person) and not is_owner(actor))


def may_hand_out(actor: Any) -> list[str]:
    """The roles that `actor` may give to others: none above their own, and none at all below a manager."""
    held = roles_of(actor)
    if not actor.is_active or not {OWNER, MANAGER} & set(held):
        return []
    return [role for role in ROLES if role != OWNER or OWNER in held]


def strongest(roles: Iterable[str]) -> str:
    """The most powerful of some roles; empty where there is none."""
    held = set(roles)
    return next((role for role in ROLES if role in held), "")
