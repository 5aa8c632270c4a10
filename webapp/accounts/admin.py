"""The admin's pages of people and roles. Nobody gives more than they have: see `PersonAdmin`."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest

from webapp.accounts.models import Identity, Invitation, User
from webapp.accounts.roles import OWNER, is_owner, outranks


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


class SeenOnlyAdmin(admin.ModelAdmin):
    """Rows that the pages make, with what belongs to them; here they are looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Invitation)
class InvitationAdmin(SeenOnlyAdmin):
    list_display = ["role", "email", "uses", "most_uses", "expires_at", "revoked_at", "created_by"]
    list_filter = ["role"]
    search_fields = ["email"]


@admin.register(Identity)
class IdentityAdmin(SeenOnlyAdmin):
    """Deleting one (an owner may) ends that way of signing in; the account stays."""

    list_display = ["user", "issuer", "subject", "created_at"]
    search_fields = ["user__username", "subject"]
