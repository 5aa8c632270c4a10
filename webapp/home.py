"""The front door: annotators get their work, managers their projects."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def home(request: HttpRequest) -> HttpResponse:
    """Send people to where their day begins."""
    manages = request.user.has_perm("annotation.view_project")
    return redirect("projects" if manages else "work")
