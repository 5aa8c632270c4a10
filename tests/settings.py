"""Settings of the suite: those of an installation, with a folder of its own and passwords that hash quickly.

The database is SQLite, or what TEST_DATABASE_URL names; the broker is a folder, or what TEST_REDIS_URL names. Of the
processes that share the work (pytest -n), each has a folder, a test database (by pytest-django) and, counted upwards
from the one that TEST_REDIS_URL names, a Redis database of its own.
"""

import os
import tempfile
from urllib.parse import urlsplit

worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # gw0, gw1, ...
var_dir = os.environ.get("PLUMBLINE_TEST_VAR_DIR") or tempfile.mkdtemp(prefix="plumbline-tests-")
if "PLUMBLINE_TEST_VAR_DIR" in os.environ and worker:
    var_dir = os.path.join(var_dir, worker)
os.environ["PLUMBLINE_VAR_DIR"] = var_dir
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{var_dir}/site.sqlite3"
redis_url = urlsplit(os.environ.get("TEST_REDIS_URL", ""))
if redis_url.scheme and worker:
    database = int(redis_url.path.strip("/") or 0) + int(worker.removeprefix("gw"))
    redis_url = redis_url._replace(path=f"/{database}")
os.environ["REDIS_URL"] = redis_url.geturl()

from webapp.settings import *  # noqa: E402, F403
from webapp.settings import DATABASES, VAR_DIR  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file instead of memory: threads and worker processes of a test see the same database.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
DATABASES["default"]["CONN_MAX_AGE"] = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
