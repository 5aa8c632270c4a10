"""The API's own page: what there is, and the token to call it with. Plain HTML, drawn from the schema."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from drf_spectacular.generators import SchemaGenerator
from rest_framework.authtoken.models import Token

from webapp.accounts.models import User

may_call = permission_required("annotation.view_project", raise_exception=True)


@may_call
@never_cache
def documentation(request: HttpRequest, token: Token | None = None) -> HttpResponse:
    """The calls, and the caller's token: shown once, when it is made."""
    held = token or Token.objects.filter(user=request.user.pk).first()
    return render(request, "api/documentation.html", {"calls": list(calls()), "held": held, "new": token})


@may_call
@never_cache
@require_POST
def new_token(request: HttpRequest) -> HttpResponse:
    """Make the caller's token, or a new one in place of the old, which ends at once."""
    with transaction.atomic():
        Token.objects.filter(user=request.user.pk).delete()
        token = Token.objects.create(user=get_object_or_404(User, pk=request.user.pk))
    return documentation(request, token)


def calls() -> Iterator[dict[str, Any]]:
    """Each call of the schema: method, path, first line of its description, names of its filters."""
    schema = SchemaGenerator().get_schema(public=True)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            filters = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
            what = operation.get("description", "").partition("\n")[0]
            yield {"method": method.upper(), "path": path, "what": what, "filters": filters}
