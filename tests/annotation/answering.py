"""A stand-in for the sampling worker: claims queued comparisons and writes both answers piece by piece."""

import threading
import time

from django.db import connection

from annotation.models import Comparison, Response
from modeling.registry import jobs
from modeling.registry.models import Job


def answer(comparison: Comparison, a: str = "Answer A.", b: str = "Answer B.", pause: float = 0.0) -> None:
    """Carry out one comparison's job as a worker would, `pause` seconds between words."""
    job = jobs.claim(Comparison, comparison.pk)
    if job is None:
        return
    words = [a.split(" "), b.split(" ")]
    for count in range(1, max(map(len, words)) + 1):
        for pk, text in zip((comparison.response_a_id, comparison.response_b_id), words, strict=True):
            Response.objects.filter(pk=pk).update(text=" ".join(text[:count]))
        time.sleep(pause)
    jobs.finish(job, Job.Status.DONE)


class Answerer(threading.Thread):
    """Answers whatever is queued until it is stopped."""

    def __init__(self, a: str, b: str, pause: float = 0.05) -> None:
        super().__init__(daemon=True)
        self.texts, self.pause, self.stopped = (a, b), pause, threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            for comparison in Comparison.objects.filter(status=Job.Status.QUEUED):
                answer(comparison, *self.texts, pause=self.pause)
        connection.close()

    def stop(self) -> None:
        self.stopped.set()
        self.join()
