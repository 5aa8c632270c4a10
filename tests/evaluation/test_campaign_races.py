"""Two people who start the same thing at the same moment start it once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from evaluation.campaigns import create_campaign, start_scoring
from evaluation.models import Campaign
from modeling.registry.models import ModelVersion, Run
from tests.factories import make_model, make_pair

THREADS = 6


@pytest.mark.django_db(transaction=True)
def test_a_campaign_is_scored_once_however_many_ask() -> None:
    x, y = make_model(), make_model()
    campaign = create_campaign("spring", "Spring", [x, y])
    make_pair(campaign.project, x, y)
    kind, backend = ModelVersion.Kind.HELPFULNESS_REWARD, ModelVersion.Backend.LOCAL
    judge = make_model("judge", kind=kind, backend=backend, path="checkpoints/judge")

    def ask(_: int) -> str:
        try:
            start_scoring(Campaign.objects.get(), judge)
            return "started"
        except ValidationError as error:
            return error.messages[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(ask, range(THREADS)))
    assert answers.count("started") == 1
    assert sum("queued already" in answer for answer in answers) == THREADS - 1
    assert Run.objects.count() == 1
