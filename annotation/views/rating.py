"""Ratings: sent, stored once, and on to the next answer."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from annotation import assigning, drafts
from annotation.comparing import AlreadyJudgedError
from annotation.desks import RatingDesk
from annotation.forms import RatingForm
from annotation.models import Rating
from annotation.saying import say
from annotation.views.desk import GIVEN_BACK, proceed, refuse, while_open, workplace_for

ALREADY_RATED = _("This answer is already rated, from another tab or an earlier attempt. Nothing was changed.")


@require_POST
@while_open
def rate(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    desk = workplace_for(RatingDesk, request, slug)
    place = desk.places.select_related("item__response_1").filter(pk=pk).first()
    if place is None or place.item.response_1 is None:
        return refuse(request, desk, GIVEN_BACK, status=409)
    form = RatingForm(desk.project, request.POST)
    if not form.is_valid():
        return refuse(request, desk, form=form)
    said = {
        "response": place.item.response_1,
        "points": form.cleaned_data["points"],
        "scale": desk.project.scale,
        "criteria": form.criteria,
    }
    try:
        with drafts.submitting(desk.project, desk.annotator):
            say(Rating, place, desk.annotator, form.cleaned_data["submission"], **said)
    except AlreadyJudgedError:
        return refuse(request, desk, ALREADY_RATED, status=409)
    except assigning.LeaseLostError:
        return refuse(request, desk, GIVEN_BACK, status=409)
    return proceed(request, desk, takes_next=True)
