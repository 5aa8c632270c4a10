"""One's own account: name, address, password, sessions."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash, views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from webapp.accounts import single_sign_on
from webapp.accounts.forms import AccountForm
from webapp.accounts.models import User


@never_cache
def account(request: HttpRequest) -> HttpResponse:
    person = get_object_or_404(User, pk=request.user.pk)
    form = AccountForm(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("account")
    context = {
        "section": "account",
        "form": form,
        "person": User.objects.get(pk=person.pk),  # as stored, whatever was typed
        "projects": person.projects.filter(archived_at=None).order_by("name"),
        "single_sign_on": single_sign_on.is_on(),
        "connected": person.identities.exists(),
    }
    return render(request, "people/account.html", context)


class ChangePassword(views.PasswordChangeView):
    """Other browsers are signed out by it, this one stays."""

    template_name = "people/password.html"
    success_url = reverse_lazy("account")
    extra_context = {"section": "account"}

    def form_valid(self, form: object) -> HttpResponse:
        messages.success(self.request, _("Your password is changed. Other browsers are signed out."))
        return super().form_valid(form)  # type: ignore[arg-type]


@require_POST
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End every session of this person but this one."""
    person = get_object_or_404(User, pk=request.user.pk)
    person.sign_out_everywhere()
    update_session_auth_hash(request, person)
    messages.success(request, _("Other browsers are signed out."))
    return redirect("account")
