"""Invitations: a link, by e-mail or handed over, whose opening makes an account with a role and projects."""

import hashlib
import logging
import secrets
from collections.abc import Iterable
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Project
from webapp.accounts.models import Invitation, User
from webapp.accounts.roles import may_hand_out

logger = logging.getLogger(__name__)


class InvitationOverError(Exception):
    """The invitation can't be used (any more)."""


def invite(
    actor: User, role: str, projects: Iterable[Project], email: str = "", *, days: int = 7, most_uses: int = 1
) -> tuple[Invitation, str]:
    """A new invitation and its token, which nobody will see again. Raises ValueError for a role beyond the actor's."""
    if role not in may_hand_out(actor):
        raise ValueError(f"role must be one of {', '.join(may_hand_out(actor)) or 'none'} for {actor}, got {role}")
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            digest=digest_of(token),
            role=role,
            email=email,
            most_uses=most_uses,
            expires_at=timezone.now() + timedelta(days=days),
            created_by=actor,
        )
        invitation.projects.set(projects)
    return invitation, token


def digest_of(token: str) -> str:
    """Tokens are long and random, so a plain hash keeps them secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(token: str) -> Invitation | None:
    return Invitation.objects.select_related("created_by").filter(digest=digest_of(token)).first()


def pending() -> QuerySet[Invitation]:
    return Invitation.objects.filter(revoked_at=None, expires_at__gt=timezone.now(), uses__lt=F("most_uses"))


def is_open(invitation: Invitation) -> bool:
    """Whether it can be used: its time, its uses, and that whoever made it may still give this role."""
    return invitation.state == Invitation.State.PENDING and invitation.role in may_hand_out(invitation.created_by)


def accept(invitation: Invitation, person: User) -> None:
    """Save a new person with what the invitation gives. Raises InvitationOverError; then nothing is saved."""
    with transaction.atomic():
        use(invitation)
        person.invitation = invitation
        person.save()
        person.groups.add(Group.objects.get(name=invitation.role))
        join_projects(invitation, person)


def accept_projects(invitation: Invitation, person: User) -> None:
    """Let somebody who has an account join the projects; their role stays. Raises InvitationOverError."""
    with transaction.atomic():
        use(invitation)
        join_projects(invitation, person)


def use(invitation: Invitation) -> None:
    """Count a use, by a conditional update: of two who come at once for the last one, one comes too late."""
    if not is_open(invitation) or not pending().filter(pk=invitation.pk).update(uses=F("uses") + 1):
        raise InvitationOverError


def join_projects(invitation: Invitation, person: User) -> None:
    for project in invitation.projects.filter(archived_at=None):
        project.annotators.add(person)


def revoke(invitation: Invitation) -> bool:
    return Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now()) == 1


def send(invitation: Invitation, link: str) -> bool:
    """Send the link to the invitation's address; False where no mail could be sent."""
    if not settings.SENDS_EMAIL:
        return False
    context = {"invitation": invitation, "link": link, "projects": invitation.projects.order_by("name")}
    words = render_to_string("people/invitation_email.txt", context)
    try:
        send_mail(_("An invitation to Plumbline"), words, None, [invitation.email])
    except (OSError, SMTPException):
        logger.exception("The invitation %s could not be sent.", invitation.pk)
        return False
    return True
