"""The whole of Plumbline on one machine, with something in it to look at: called by `make demo`."""

import errno
import fcntl
import socket
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from webapp.supervising import SupervisionError, Supervisor, site_and_workers


class Command(BaseCommand):
    help = "Load the demonstration projects and run the site with its workers until Ctrl-C."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        started = time.monotonic()
        check_port(host, port)
        with only_one(), suppress(KeyboardInterrupt):  # before the supervisor takes signals: nothing runs yet
            self.migrate()
            from webapp import demonstration

            try:
                passwords = demonstration.load(self.say)
            except demonstration.DemonstrationError as error:
                raise CommandError(str(error)) from error
            address = address_of(host, port)
            connection.close()
            self.say("Starting the site and its workers ...")

            def ready() -> None:
                self.say(f"\nPlumbline is at {address} (after {time.monotonic() - started:.1f} seconds)\n")
                self.say("Sign in as:")
                for name, password in passwords.items():
                    self.say(f"  {name:<10}{password:<16}{demonstration.PEOPLE[name]}")
                self.say(f"\nEverything is kept in {settings.VAR_DIR}. Ctrl-C stops.\n")

            children = site_and_workers(host, port)
            try:
                Supervisor(children, self.say).run(f"{address}health/", ready)
            except SupervisionError as error:
                raise CommandError(str(error)) from error
        self.say("Stopped.")

    def migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.say("Preparing the database ...")
            call_command("migrate", verbosity=0)

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def address_of(host: str, port: int) -> str:
    """Where a browser on this machine finds the site."""
    name = "localhost" if host in ("127.0.0.1", "0.0.0.0") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{name}:{port}/"


def check_port(host: str, port: int) -> None:
    """Raises CommandError where the site could not listen."""
    if not 1 <= port <= 65535:
        raise CommandError(f"port must be between 1 and 65535, got {port}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = f"is taken; choose another one: --port {port + 1}" if taken else f"can't be used: {error.strerror}"
        raise CommandError(f"port {port} of {host} {reason}") from error


@contextmanager
def only_one() -> Iterator[None]:
    """Two demonstrations over one folder would look after the same rows twice."""
    with (settings.VAR_DIR / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(f"a demonstration is running already over {settings.VAR_DIR}: stop it first") from error
        yield
