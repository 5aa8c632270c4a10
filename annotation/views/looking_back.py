"""What an annotator has submitted in a project, to be read again and, until somebody has reviewed it, taken back."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from annotation import submitted
from annotation.views.desk import while_open, workplace

PER_PAGE = 20


@require_GET
@never_cache
@while_open
def own_work(request: HttpRequest, slug: str) -> HttpResponse:
    desk = workplace(request, slug)
    places = submitted.work_by(desk.project, desk.annotator)
    page = Paginator(places, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "work",
        "project": desk.project,
        "desk": desk,
        "page": page,
        "lines": [submitted.own_line(place) for place in page],
    }
    return render(request, "annotation/own_work.html", context)
