"""A judging run whose process is killed goes on where it left off: what was answered is not asked again."""

import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings

from evaluation.models import Judgement
from modeling.registry.models import Job, Run
from tests.factories import make_model
from tests.serving import Asked, says, serving
from tests.workers.conftest import environment
from tests.workers.test_judging import again, filled

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_a_killed_run_goes_on_where_it_left_off() -> None:
    filled("spring", 6)
    with serving() as server:
        make_model("judge", backend="endpoint", base_url=server.url, remote_model="org/judge")
        server.otherwise = says("Verdict: A")
        command = [sys.executable, "manage.py", "evaluate", "judge", "--campaign", "spring", "--judge", "judge"]
        command += ["--template", "pairwise-choice", "--concurrency", "1"]
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

        def kills(asked: Asked) -> None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

        server.replies = [says("Verdict: A"), says("Verdict: A"), says("Verdict: A"), kills]
        assert process.wait(timeout=300) == -signal.SIGKILL
        assert Judgement.objects.count() == 3
        run = Run.objects.get()
        assert run.status == Job.Status.RUNNING
        run = again(run)
        assert (run.status, run.report["judged"], run.report["asked"]) == (Job.Status.DONE, 12, 12)
        assert len(server.asked) == 13  # the one that was under way was asked twice, and counted once
