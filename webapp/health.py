"""Whether the site can do its work: asked by container health checks and by people in doubt."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, JsonResponse

from modeling.registry.jobs import worker_is_alive


@login_not_required
def health(request: HttpRequest) -> JsonResponse:
    """200 while the database answers; says beside it whether a worker was heard of lately."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"database": "ok", "worker": "ok" if worker_is_alive() else "silent"})
