"""An annotator says that they have read the guideline as it stands."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from annotation.guidelines import mark_read
from annotation.views.desk import annotator, proceed, while_open, workplace


@require_POST
@while_open
def read(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    desk = workplace(request, slug)
    mark_read(get_object_or_404(desk.project.guidelines, number=number), annotator(request))
    return proceed(request, desk)
