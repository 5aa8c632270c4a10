"""Let a reward model judge a campaign's answers."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from evaluation.campaigns import find_campaign, start_scoring
from evaluation.models import Campaign
from evaluation.reward_models.choosing import NotFoundError, find_reward_model
from workers.foreground import carry_out_here, claimed, terminal_progress


class Command(BaseCommand):
    help = "Store a reward model's score of every answer of a campaign. Ends with one JSON line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--campaign", required=True, metavar="SLUG")
        parser.add_argument("--reward-model", required=True, metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            campaign = find_campaign(options["campaign"])
            judge = find_reward_model(options["reward_model"])
            with transaction.atomic():
                run = claimed(start_scoring(campaign, judge))
        except (NotFoundError, Campaign.DoesNotExist) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        again = f"python manage.py score_campaign --campaign {campaign.slug} --reward-model {judge.name}"
        run = carry_out_here(run, terminal_progress(), resume=again)
        self.stdout.write(json.dumps({"run": run.pk, "campaign": campaign.slug, **run.report}))
