"""Signing in, forgotten passwords, and opening an invitation."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from webapp.accounts import inviting, single_sign_on, throttling
from webapp.accounts.forms import ForgottenPasswordForm, JoinForm
from webapp.accounts.models import BACKEND, Invitation, User
from webapp.accounts.roles import ROLES


class SignIn(views.LoginView):
    """Whoever comes from a page goes back to it; to a page of this site alone."""

    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(sso_name=single_sign_on.name(), **kwargs)


@login_not_required
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin has no sign-in of its own: the site's knows single sign-on and slows down guesses."""
    if request.user.is_authenticated:
        raise PermissionDenied
    back = request.GET.get("next", reverse("admin:index"))
    return redirect(f"{reverse('login')}?{urlencode({'next': back})}")


@method_decorator(login_not_required, name="dispatch")
class ForgottenPassword(views.PasswordResetView):
    """Sends a link by e-mail; an installation without a mail server says whom to ask instead."""

    form_class = ForgottenPasswordForm
    subject_template_name = "registration/password_reset_subject.txt"
    email_template_name = "registration/password_reset_email.txt"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not settings.SENDS_EMAIL:
            return render(request, "registration/password_reset_by_hand.html")
        return super().dispatch(request, *args, **kwargs)


@method_decorator(login_not_required, name="dispatch")
class NewPassword(views.PasswordResetConfirmView):
    """The page behind a link, sent or handed over, that sets a new password. It ends the wait of failed guesses too."""

    success_url = reverse_lazy("password_reset_complete")

    def form_valid(self, form: Any) -> HttpResponse:
        throttling.end_wait(form.user)
        return super().form_valid(form)


@login_not_required
@never_cache
@sensitive_post_parameters()
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Open an invitation: name and password make an account, which lands in its work."""
    invitation = inviting.find(token)
    if invitation is None or not inviting.is_open(invitation):
        return closed(request, invitation)
    if request.user.is_authenticated:
        return join_as_oneself(request, invitation)
    form = JoinForm(invitation, request.POST or None)
    if request.method == "POST" and form.is_valid():
        person = form.save(commit=False)
        try:
            with transaction.atomic():
                inviting.accept(invitation, person)
        except inviting.InvitationOverError:
            return closed(request, inviting.find(token))
        except IntegrityError:
            form.add_error("username", _("The name %(name)s is taken: choose another one.") % {"name": person.username})
        else:
            login(request, person, backend=BACKEND)
            return redirect(first_page(invitation))
    context = {"form": form, "invitation": invitation, "role": ROLES[invitation.role], "projects": projects(invitation)}
    return render(request, "registration/join.html", context)


def join_as_oneself(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Somebody who has an account already may join the projects with it; their role stays."""
    person = get_object_or_404(User, pk=request.user.pk)
    is_theirs = not invitation.email or invitation.email.casefold() == person.email.casefold()
    missing = projects(invitation).exclude(annotators=person)
    if request.method == "POST" and is_theirs and missing:
        try:
            inviting.accept_projects(invitation, person)
        except inviting.InvitationOverError:
            return closed(request, Invitation.objects.get(pk=invitation.pk))
        return redirect(first_page(invitation))
    context = {"invitation": invitation, "is_theirs": is_theirs, "projects": missing}
    return render(request, "registration/join_as_oneself.html", context)


def projects(invitation: Invitation) -> Any:
    return invitation.projects.filter(archived_at=None).order_by("name")


def first_page(invitation: Invitation) -> str:
    """Where the work is: the project, if there is one alone."""
    slugs = list(projects(invitation).values_list("slug", flat=True))
    return reverse("work_project", args=slugs) if len(slugs) == 1 else reverse("home")


def closed(request: HttpRequest, invitation: Invitation | None) -> HttpResponse:
    """410 with the reason, so that whoever was invited knows what to ask for."""
    reasons = {
        Invitation.State.USED: _("This invitation was used already."),
        Invitation.State.EXPIRED: _("This invitation has expired."),
        Invitation.State.REVOKED: _("This invitation was withdrawn."),
    }
    if invitation is None:
        reason = _("This invitation is not valid: a part of its address may be missing.")
    else:
        reason = reasons.get(Invitation.State(invitation.state), _("This invitation is no longer valid."))
    return render(request, "registration/join_closed.html", {"reason": reason}, status=410)
