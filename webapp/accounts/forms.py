"""What people fill in about accounts: their own, others', invitations."""

from typing import Any, cast

from django import forms
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm, PasswordResetForm
from django.core.cache import cache
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Project
from webapp.accounts.models import Invitation, User
from webapp.accounts.roles import ROLES, may_hand_out

BETWEEN_RESET_MAILS = 300
"""Seconds for which no second mail about a forgotten password goes to the same person."""


def somebody_with(email: str, but: User | None = None) -> User | None:
    """Who else has this e-mail address, if anybody."""
    if not email:
        return None
    holders = User.objects.filter(email__iexact=email).order_by("-is_active", "pk")
    return (holders.exclude(pk=but.pk) if but and but.pk else holders).first()


class InvitationForm(forms.Form):
    """An invitation within the power of whoever makes it."""

    email = forms.EmailField(
        required=False,
        label=gettext_lazy("E-mail address"),
        help_text=gettext_lazy("Left empty, you get a link to hand over."),
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"))
    projects = forms.ModelMultipleChoiceField(
        Project.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=gettext_lazy("Projects to work in"),
    )
    days = forms.IntegerField(
        min_value=1, max_value=90, initial=7, label=gettext_lazy("Valid for days"), help_text=gettext_lazy("1 to 90.")
    )
    most_uses = forms.IntegerField(
        min_value=1,
        max_value=500,
        initial=1,
        label=gettext_lazy("For how many people"),
        help_text=gettext_lazy("1 to 500. Each opens an account of their own."),
    )

    def __init__(self, actor: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = may_hand_out(actor)
        role = cast(forms.ChoiceField, self.fields["role"])
        role.choices = [(name, ROLES[name]) for name in reversed(roles)]
        projects = cast(forms.ModelMultipleChoiceField, self.fields["projects"])
        projects.queryset = Project.objects.filter(archived_at=None).order_by("name")

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        if holder := somebody_with(email):
            raise forms.ValidationError(
                _("%(name)s has this address already: change their role or projects instead.")
                % {"name": holder.get_username()}
            )
        return email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("email") and cleaned.get("most_uses", 1) > 1:
            self.add_error("most_uses", _("An invitation to one address is for one person: leave this at 1."))
        return cleaned


class JoinForm(BaseUserCreationForm):
    """Name and password of a person who was invited."""

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        labels = {"username": gettext_lazy("User name"), "email": gettext_lazy("E-mail address")}
        help_texts = {
            "username": gettext_lazy("You sign in with it. Letters, digits and @ . + - _"),
            "email": gettext_lazy("Optional: for a new password, should you forget yours."),
        }

    def __init__(self, invitation: Invitation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if invitation.email:
            del self.fields["email"]
            self.instance.email = invitation.email
        self.fields["password2"].help_text = ""

    def clean_username(self) -> str:
        username = str(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=username).exists():
            raise forms.ValidationError(_("The name %(name)s is taken: choose another one.") % {"name": username})
        return username

    def clean_email(self) -> str:
        return free_address(self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "email" not in self.fields and somebody_with(self.instance.email):
            raise forms.ValidationError(_("There is an account with your address already: sign in instead."))
        return cleaned


def free_address(email: str, of: User | None = None) -> str:
    """The address, if nobody else has it: it is where a new password would be sent."""
    if somebody_with(email, but=of):
        raise forms.ValidationError(_("Another account has the address %(email)s.") % {"email": email})
    return email


class AccountForm(forms.ModelForm):
    """One's own name and address. Another address needs the password, since it can fetch a new one."""

    password = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        label=gettext_lazy("Current password"),
        help_text=gettext_lazy("Only to change the e-mail address."),
    )

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email")
        labels = {"email": gettext_lazy("E-mail address")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = self.instance.email
        if not self.instance.has_usable_password():
            del self.fields["password"]
            self.fields["email"].disabled = True
            self.fields["email"].help_text = _("It comes from your single sign-on.")

    def clean_email(self) -> str:
        return free_address(self.cleaned_data["email"], self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        changes = "email" in cleaned and cleaned["email"] != self.address
        if changes and "password" in self.fields and not self.instance.check_password(cleaned.get("password", "")):
            self.add_error("password", _("Give your current password to change the e-mail address."))
        return cleaned


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=gettext_lazy("New role"))

    def __init__(self, actor: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = cast(forms.ChoiceField, self.fields["role"])
        role.choices = [(name, ROLES[name]) for name in may_hand_out(actor)]


class PeopleFilterForm(forms.Form):
    """Which people the list shows."""

    q = forms.CharField(required=False, max_length=150, label=gettext_lazy("Name or e-mail address"))
    role = forms.ChoiceField(
        required=False, choices=[("", gettext_lazy("every role")), *ROLES.items()], label=gettext_lazy("Role")
    )
    show = forms.ChoiceField(
        required=False,
        choices=[("", gettext_lazy("active")), ("inactive", gettext_lazy("deactivated")), ("all", gettext_lazy("all"))],
        label=gettext_lazy("Accounts"),
    )


class ConnectForm(AuthenticationForm):
    """The sign-in that shows that an account with the address of a new identity is one's own."""

    def __init__(self, email: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if user.email.casefold() != self.email.casefold():
            raise forms.ValidationError(
                format_lazy(gettext_lazy("This account's address is not {email}."), email=self.email)
            )


class ForgottenPasswordForm(PasswordResetForm):
    """Django's, but nobody's mailbox is filled by somebody who asks again and again."""

    def get_users(self, email: str) -> Any:
        for person in super().get_users(email):
            if cache.add(f"password-reset-{person.pk}", True, BETWEEN_RESET_MAILS):
                yield person
