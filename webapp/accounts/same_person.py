"""A page acts for the person that it was made for, also when somebody else has signed in in another tab since."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]


def same_person(handle: Handler) -> Handler:
    """Middleware: 412 for a request whose page was made for another person (session.js says for whom)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        made_for = request.headers.get("x-signed-in-as")
        if made_for and request.user.is_authenticated and made_for != str(request.user.pk):
            reason = "This page was made for somebody else: reload it."
            return HttpResponse(reason, status=412, content_type="text/plain")
        return handle(request)

    return middleware
