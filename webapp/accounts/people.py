"""The managers' page of people: who is here, with what role, and who was invited. Nobody gives more than they have."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from annotation.models import Project
from webapp.accounts import inviting, throttling
from webapp.accounts.forms import InvitationForm, PeopleFilterForm, RoleForm
from webapp.accounts.models import Invitation, User
from webapp.accounts.roles import OWNER, ROLES, may_hand_out, outranks

PER_PAGE = 50
may_see = permission_required("accounts.view_user", raise_exception=True)
may_change = permission_required("accounts.change_user", raise_exception=True)
may_invite = permission_required("accounts.add_invitation", raise_exception=True)


@may_see
def people(request: HttpRequest) -> HttpResponse:
    """Everybody with an account, and the invitations that wait to be opened."""
    form = PeopleFilterForm(request.GET)
    rows = filtered(everybody(), form.cleaned_data) if form.is_valid() else everybody()
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    invitations = inviting.pending().select_related("created_by").prefetch_related("projects").order_by("expires_at")
    context = {
        "section": "people",
        "form": form,
        "page": page,
        "invitations": [(invitation, ROLES[invitation.role]) for invitation in invitations],
    }
    return render(request, "people/people.html", context)


def everybody() -> QuerySet[User]:
    in_use = Project.objects.filter(archived_at=None).order_by("name")
    return User.objects.prefetch_related("groups", Prefetch("projects", in_use)).order_by("username")


def filtered(rows: QuerySet[User], wanted: dict[str, Any]) -> QuerySet[User]:
    if words := wanted["q"].strip():
        names = ("username", "email", "first_name", "last_name")
        anywhere = Q()
        for name in names:
            anywhere |= Q(**{f"{name}__icontains": words})
        rows = rows.filter(anywhere)
    if wanted["role"]:
        holds = Q(groups__name=wanted["role"])
        rows = rows.filter(holds | Q(is_superuser=True) if wanted["role"] == OWNER else holds).distinct()
    return rows if wanted["show"] == "all" else rows.filter(is_active=wanted["show"] != "inactive")


@may_see
@never_cache
def person(request: HttpRequest, pk: int, reset_link: str = "") -> HttpResponse:
    """One person: what they may do, and what the actor may change about that."""
    found, actor = get_object_or_404(everybody(), pk=pk), actor_of(request)
    mine = found.pk == actor.pk
    context = {
        "section": "people",
        "person": found,
        "mine": mine,
        "may_change": request.user.has_perm("accounts.change_user") and not mine and not outranks(found, actor),
        "role_form": RoleForm(actor, initial={"role": next(iter(roles_in_order(found)), "")}),
        "waits": throttling.waits(found),
        "reset_link": reset_link,
        "reset_hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
        "history": LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(User), object_id=str(found.pk)
        ).select_related("user")[:20],
    }
    return render(request, "people/person.html", context)


def roles_in_order(found: User) -> list[str]:
    held = {group.name for group in found.groups.all()}
    return [role for role in ROLES if role in held]


def actor_of(request: HttpRequest) -> User:
    return get_object_or_404(User, pk=request.user.pk)


def whom_to_change(request: HttpRequest, pk: int) -> User:
    """The person, locked until the change is made, as is the actor: of two owners who deactivate each other one stays.
    403 for oneself, for somebody above, and for an actor who has just lost the right."""
    mine = actor_of(request).pk
    both = {person.pk: person for person in User.objects.select_for_update().order_by("pk").filter(pk__in=[pk, mine])}
    found, actor = both.get(pk), both[mine]
    if found is None:
        raise Http404(f"There is no person {pk}.")
    if found == actor or not actor.has_perm("accounts.change_user") or outranks(found, actor):
        raise PermissionDenied
    return found


@may_change
@require_POST
@transaction.atomic
def change_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person one role in place of those they have."""
    found, form = whom_to_change(request, pk), RoleForm(actor_of(request), request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for error in form.errors["role"]))
        return redirect("person", pk)
    role = form.cleaned_data["role"]
    found.groups.set([*found.groups.exclude(name__in=ROLES), Group.objects.get(name=role)])
    note(request, found, _("Role changed to %(role)s.") % {"role": ROLES[role]})
    messages.success(request, _("%(name)s is %(role)s now.") % {"name": found.get_username(), "role": ROLES[role]})
    return redirect("person", pk)


@may_change
@require_POST
@transaction.atomic
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the account away at once: sessions, links and tokens end; what the person did stays."""
    found = whom_to_change(request, pk)
    User.objects.filter(pk=pk).update(is_active=False)
    found.sign_out_everywhere()
    note(request, found, _("Deactivated."))
    messages.success(
        request, _("%(name)s is signed out and can't come back; what they did stays.") % {"name": found.get_username()}
    )
    return redirect("person", pk)


@may_change
@require_POST
@transaction.atomic
def reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    found = whom_to_change(request, pk)
    User.objects.filter(pk=pk).update(is_active=True)
    note(request, found, _("Reactivated."))
    messages.success(request, _("%(name)s may sign in again.") % {"name": found.get_username()})
    return redirect("person", pk)


@may_change
@require_POST
@transaction.atomic
def make_reset_link(request: HttpRequest, pk: int) -> HttpResponse:
    """A link to hand over that sets a new password: shown once, good until it is used or too old."""
    found = whom_to_change(request, pk)
    if not found.is_active:
        messages.error(request, _("%(name)s is deactivated: reactivate first.") % {"name": found.get_username()})
        return redirect("person", pk)
    key = {"uidb64": urlsafe_base64_encode(force_bytes(pk)), "token": default_token_generator.make_token(found)}
    note(request, found, _("Link for a new password made."))
    return person(request, pk, request.build_absolute_uri(reverse("password_reset_confirm", kwargs=key)))


@may_change
@require_POST
@transaction.atomic
def end_wait(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody who mistyped their password too often try again."""
    found = whom_to_change(request, pk)
    throttling.end_wait(found)
    messages.success(request, _("%(name)s may try again.") % {"name": found.get_username()})
    return redirect("person", pk)


@may_invite
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody by e-mail, or make a link to hand over. The link is shown once: only its digest is kept."""
    actor = actor_of(request)
    form = InvitationForm(actor, request.POST or None, initial={"projects": request.GET.getlist("project")})
    context: dict[str, Any] = {"section": "people", "form": form, "sends_email": settings.SENDS_EMAIL}
    if request.method == "POST" and form.is_valid():
        invitation, token = inviting.invite(actor, **form.cleaned_data)
        link = request.build_absolute_uri(reverse("join", args=[token]))
        context |= {
            "invitation": invitation,
            "role": ROLES[invitation.role],
            "link": link,
            "sent": bool(invitation.email) and inviting.send(invitation, link),
        }
        return render(request, "people/invited.html", context)
    return render(request, "people/invite.html", context)


@may_invite
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw an invitation: its link stops working; accounts that it made stay."""
    invitation = get_object_or_404(Invitation, pk=pk)
    if invitation.role not in may_hand_out(actor_of(request)):
        raise PermissionDenied
    inviting.revoke(invitation)
    messages.success(request, _("The invitation is withdrawn: its link no longer works."))
    return redirect("people")


def note(request: HttpRequest, found: User, words: str) -> None:
    """Keep who did what to whose account, where the admin keeps it too."""
    LogEntry.objects.log_actions(actor_of(request).pk, [found], CHANGE, words, single_object=True)
