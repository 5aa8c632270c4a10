"""The admin's pages of people and roles. Nobody gives more than they have: see `PersonAdmin`."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest

from webapp.accounts.models import User
from webapp.accounts.roles import OWNER


def outranks(person: User | None, actor: Any) -> bool:
    """Whether `person` holds more than `actor`, who must then not touch the account (nor wake it up again)."""
    if person is None or actor.is_superuser:
        return False
    return person.is_superuser or (is_owner(person) and not is_owner(actor))


def is_owner(person: Any) -> bool:
    return person.is_superuser or person.groups.filter(name=OWNER).exists()


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Managers open accounts and hand out roles, but neither the owner's role nor powers beyond their own."""

    list_display = ["username", "email", "roles", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "groups"]
    date_hierarchy = "date_joined"

    @admin.display(description="roles")
    def roles(self, person: User) -> str:
        return ", ".join(sorted(group.name for group in person.groups.all()))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fields = [*super().get_readonly_fields(request, obj), "last_login", "date_joined"]
        return fields if request.user.is_superuser else [*fields, "is_superuser", "user_permissions"]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and not outranks(obj, request.user)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not outranks(obj, request.user)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups" and not is_owner(request.user):
            kwargs["queryset"] = Group.objects.exclude(name=OWNER)
        return super().formfield_for_manytomany(db_field, request, **kwargs)


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Roles are granted by the program after every migrate, so a change here would not last."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
