"""When a person was last here; whoever is at work stays signed in."""

from collections.abc import Callable

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from webapp.accounts.models import SEEN_AGAIN, User

Handler = Callable[[HttpRequest], HttpResponse]


def presence(handle: Handler) -> Handler:
    """Middleware: note who is here and start their session's time anew, at most once in SEEN_AGAIN."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = handle(request)
        if not request.session.accessed or not request.user.is_authenticated:
            return response
        now = timezone.now()
        seen = getattr(request.user, "last_seen", None)
        if seen is None or now - seen >= SEEN_AGAIN:
            is_due = Q(last_seen=None) | Q(last_seen__lte=now - SEEN_AGAIN)
            if User.objects.filter(is_due, pk=request.user.pk).update(last_seen=now):
                request.session.modified = True
        return response

    return middleware
