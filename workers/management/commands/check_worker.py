"""Whether the worker of this host is well: the health check of a worker's container."""

import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from modeling.registry.jobs import WORKER_SILENT_AFTER
from modeling.registry.models import Worker


class Command(BaseCommand):
    help = "Succeed if a worker on this host was heard of lately."

    def handle(self, *args: Any, **options: Any) -> None:
        host = f"@{socket.gethostname()} "
        heard_of = Worker.objects.filter(name__contains=host, seen_at__gte=timezone.now() - WORKER_SILENT_AFTER)
        names = ", ".join(heard_of.order_by("name").values_list("name", flat=True))
        if not names:
            raise CommandError(f"No worker{host}was heard of in the last {WORKER_SILENT_AFTER.seconds} seconds.")
        self.stdout.write(f"heard of {names}")
