"""Settings of the suite: those of an installation, with a folder of its own and passwords that hash quickly.

The database is SQLite, or what TEST_DATABASE_URL names; the broker is a folder, or what TEST_REDIS_URL names.
"""

import os
import tempfile

var_dir = os.environ.get("PLUMBLINE_TEST_VAR_DIR") or tempfile.mkdtemp(prefix="plumbline-tests-")
os.environ["PLUMBLINE_VAR_DIR"] = var_dir
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{var_dir}/site.sqlite3"
os.environ["REDIS_URL"] = os.environ.get("TEST_REDIS_URL", "")

from webapp.settings import *  # noqa: E402, F403
from webapp.settings import DATABASES, VAR_DIR  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file instead of memory: threads and worker processes of a test see the same database.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
DATABASES["default"]["CONN_MAX_AGE"] = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
