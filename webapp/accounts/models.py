"""The people of an installation, how they were invited, and who they are elsewhere."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from annotation.models import Project
from webapp.accounts.roles import ROLES, roles_of


class User(AbstractUser):
    """A person who signs in. What they may do comes from their groups, one per role (webapp.accounts.roles)."""

    last_seen = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    sign_outs = models.PositiveIntegerField(
        default=0, editable=False, help_text="One more ends every session of this person."
    )
    invitation = models.ForeignKey(
        "accounts.Invitation", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="people"
    )

    @property
    def roles_in_words(self) -> str:
        return ", ".join(str(ROLES[role]) for role in roles_of(self))

    def sign_out_everywhere(self) -> None:
        """End every session of this person; tokens of the API are not sessions."""
        type(self).objects.filter(pk=self.pk).update(sign_outs=models.F("sign_outs") + 1)
        self.refresh_from_db(fields=["sign_outs"])

    def get_session_auth_hash(self) -> str:
        return self._with_sign_outs(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        for digest in super().get_session_auth_fallback_hash():
            yield self._with_sign_outs(digest)

    def _with_sign_outs(self, digest: str) -> str:
        if not self.sign_outs:
            return digest
        return salted_hmac("webapp.accounts.sign-outs", f"{digest}{self.sign_outs}", algorithm="sha256").hexdigest()


class Invitation(models.Model):
    """A link that lets one or more people open an account. Its token is shown once and kept as a digest alone."""

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        USED = "used", _("used up")
        EXPIRED = "expired", _("expired")
        REVOKED = "revoked", _("revoked")

    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token.")
    role = models.CharField(max_length=20, choices=list(ROLES.items()))
    projects = models.ManyToManyField(Project, blank=True, related_name="+")
    email = models.EmailField(blank=True, help_text="Whom it was made for; empty for a link that anybody may use.")
    most_uses = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_invitation_is_not_used_too_often", condition=models.Q(uses__lte=models.F("most_uses"))
            )
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} ({self.role})"

    @property
    def state(self) -> str:
        if self.revoked_at:
            return self.State.REVOKED
        if self.uses >= self.most_uses:
            return self.State.USED
        return self.State.EXPIRED if self.expires_at <= timezone.now() else self.State.PENDING

    @property
    def state_in_words(self) -> str:
        return str(self.State(self.state).label)


class Identity(models.Model):
    """Who a person is at the provider of single sign-on: its issuer, and the subject that never changes there."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=200)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="one_person_per_identity")]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


BACKEND = "webapp.accounts.throttling.Passwords"
"""The backend of every session, however it began: it asks at each request whether the account is active."""
SEEN_AGAIN = timedelta(minutes=5)
"""How old `last_seen` grows before a request renews it, and with it the session."""
