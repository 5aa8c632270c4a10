"""The four roles of product.md as Django groups with permissions, granted anew after every migrate."""

from typing import Any

from django.apps import AppConfig, apps

OWNER, MANAGER, REVIEWER, ANNOTATOR = "owner", "manager", "reviewer", "annotator"

# Models per role: "app.model" gives all four permissions on it, "app.model:view" only that one, "app.*" a whole app.
GRANTS: dict[str, list[str]] = {
    OWNER: ["annotation.*", "evaluation.*", "registry.*", "accounts.*", "authtoken.*"],
    MANAGER: ["annotation.*", "evaluation.*", "registry.*", "accounts.*:view", "accounts.*:add", "accounts.*:change"],
    # Not the models nor the reports that name them: a reviewer judges work without knowing who wrote what.
    REVIEWER: ["annotation.*:view"],
    ANNOTATOR: ["annotation.preference:add"],
}


def grant_roles(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Create the role groups and give each its permissions; after the last app, so that all permissions exist."""
    if sender != [config for config in apps.get_app_configs() if config.models_module][-1]:
        return
    from django.contrib.auth.models import Group, Permission

    for role, grants in GRANTS.items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        permissions: list[Permission] = []
        for grant in grants:
            target, _, action = grant.partition(":")
            app_label, _, model = target.partition(".")
            found = Permission.objects.using(using).filter(content_type__app_label=app_label)
            if model != "*":
                found = found.filter(content_type__model=model)
            if action:
                found = found.filter(codename__startswith=f"{action}_")
            permissions += found
        group.permissions.set(permissions)
