"""What messages name. Each task carries out the row that it was woken for and then every other that waits.

Only a worker process runs the bodies, so only there the code that needs torch is imported.
"""

from celery import shared_task

from annotation.models import Comparison, Reply
from modeling.registry.models import Run
from workers.carrying import carry_out_waiting


@shared_task(name=Comparison.TASK)
def sample_comparison(pk: int) -> None:
    from workers.sampling import sample

    carry_out_waiting(Comparison, pk, sample)


@shared_task(name=Reply.TASK)
def sample_reply(pk: int) -> None:
    from workers.replying import reply

    carry_out_waiting(Reply, pk, reply)


@shared_task(name=Run.TASK)
def execute_run(pk: int) -> None:
    from workers.runs import execute

    carry_out_waiting(Run, pk, execute)
