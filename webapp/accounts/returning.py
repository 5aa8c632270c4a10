"""Whose session is over signs in and comes back to the same place, with what they had just sent still there.

What was sent waits in the browser's session for the person whose page it came from, as a signed cookie of the
workplace tells; for anybody else it is thrown away. The workplace takes it up (annotation/views/working.py).
"""

from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from annotation import drafts

WHOSE = "whose"
"""The cookie that names who worked here last."""


class ReturningMiddleware(LoginRequiredMiddleware):
    """Every page asks to sign in, unless it says otherwise; one that was posted to leads back to the work itself."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        work = work_posted_to(request)
        if work is None:
            return super().handle_no_permission(request, view_func)
        whose = request.get_signed_cookie(WHOSE, default=None)
        if whose and "step" in request.POST:
            typed = drafts.worth_keeping(request.POST)
            drafts.leave_in(request.session, whose, work, request.POST["step"], typed)
        back = urlencode({"next": reverse("work_project", args=[work])})
        return HttpResponseRedirect(f"{reverse('login')}?{back}")

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        match = request.resolver_match
        if match is None or not (match.url_name or "").startswith("work_") or not request.user.is_authenticated:
            return response
        name = str(request.user.pk)
        if request.get_signed_cookie(WHOSE, default=None) != name:
            secure = request.is_secure()
            response.set_signed_cookie(WHOSE, name, max_age=30 * 86400, httponly=True, secure=secure, samesite="Lax")
        return response


def work_posted_to(request: HttpRequest) -> str | None:
    """The slug of the project whose workplace was posted to."""
    match = request.resolver_match
    if request.method != "POST" or match is None or not (match.url_name or "").startswith("work_"):
        return None
    slug: str | None = match.kwargs.get("slug")
    return slug
