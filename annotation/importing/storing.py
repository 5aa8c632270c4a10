"""Storing pairs: prompts, responses, comparisons and preferences in a few statements per chunk."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from annotation.batches import add_closed_batch, batch_called
from annotation.importing.formats import Format
from annotation.importing.reading import FileError
from annotation.importing.rows import Answer, Pair, Verdict
from annotation.models import Assignment, Batch, Comparison, Item, Preference, Project, Prompt, Response
from annotation.models.prompts import digest_of
from modeling.registry.models import Job, ModelVersion

CHUNK = 500
"""Pairs per round of statements; below the 999 parameters that SQLite may be built with."""

Person = Any  # a row of settings.AUTH_USER_MODEL, whose class belongs to the room above
Placed = tuple[Pair, Verdict, Assignment | None]


class Models:
    """Models by the names that a file gives them."""

    def __init__(self) -> None:
        self.known: dict[str, ModelVersion] = {}

    def called(self, name: str | None) -> ModelVersion | None:
        """The registered model of this name, or a new one that is only a name."""
        if name is None:
            return None
        if name not in self.known:
            slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
            if not slug or any(model.name == slug for model in self.known.values()):
                raise FileError(f'model name "{name}" is not told apart by letters and digits: rename it in the file')
            model, _ = ModelVersion.objects.get_or_create(
                name=slug,
                defaults={
                    "kind": ModelVersion.Kind.POLICY,
                    "backend": ModelVersion.Backend.NAME_ONLY,
                    "description": f"Known from imported answers as {name}.",
                },
            )
            if model.is_reward_model:
                raise FileError(f'"{slug}" is a {model.get_kind_display()} here and writes no answers: rename one')
            self.known[name] = model
        return self.known[name]


class Store:
    """Stores one file's pairs in one project, within the caller's transaction."""

    def __init__(self, project: Project, form: Format, batch: str = "") -> None:
        self.project, self.form, self.batch_name = project, form, batch
        self.batches: dict[str, Batch] = {}
        self.models = Models()
        self.raters: dict[str, Person] = {}

    def add(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Store the pairs that aren't there yet and return them."""
        new = self.missing(pairs)
        if not new:
            return []
        if self.form.draws_sides:
            new = [pair.with_sides_drawn() for pair in new]
        prompts = self.prompts_of(new)
        responses = self.responses_of(new, prompts)
        placed = self.place(new, prompts, responses)
        comparisons = Comparison.objects.bulk_create(
            Comparison(
                project=self.project,
                batch=self.batch_of(pair),
                prompt=prompts[digest_of(pair.messages)],
                response_a=responses[index_of(pair, "a")],
                response_b=responses[index_of(pair, "b")],
                assignment=assignment,
                annotator=self.rater(verdict.annotator),
                source=self.form.name,
                external_id=pair.external_id,
                import_key=import_key(pair, verdict),
                status=Job.Status.DONE,
            )
            for pair, verdict, assignment in placed
        )
        Preference.objects.bulk_create(
            Preference(
                comparison=comparison,
                choice=verdict.choice,
                points=verdict.points(self.project.scale),
                scale=self.project.scale,
                margin=verdict.margin,
                a_safe=verdict.a_safe,
                b_safe=verdict.b_safe,
            )
            for comparison, (_, verdict, _) in zip(comparisons, placed, strict=True)
        )
        return new

    def missing(self, pairs: Sequence[Pair]) -> list[Pair]:
        """The pairs that the project doesn't hold, each once."""
        by_key = {import_key(pair, pair.verdicts[0]): pair for pair in reversed(pairs)}
        held = set(self.project.comparisons.filter(import_key__in=by_key).values_list("import_key", flat=True))
        return [pair for key, pair in reversed(by_key.items()) if key not in held]

    def prompts_of(self, pairs: Sequence[Pair]) -> dict[str, Prompt]:
        """Prompt rows by digest; an annotator may have written one of them before, or may do so this very moment."""
        wanted: dict[str, Prompt] = {}
        for pair in pairs:
            prompt = Prompt(
                project=self.project,
                batch=self.batch_of(pair),
                messages=pair.messages,
                category=pair.category,
                source=self.form.name,
                external_id=pair.prompt_id,
            ).fix_identity()
            wanted.setdefault(prompt.digest, prompt)
        stored = self.stored_prompts(wanted)
        missing = [prompt for digest, prompt in wanted.items() if digest not in stored]
        if missing:
            Prompt.objects.bulk_create(missing, ignore_conflicts=True)
            stored |= self.stored_prompts({prompt.digest: prompt for prompt in missing})
        return stored

    def stored_prompts(self, wanted: dict[str, Prompt]) -> dict[str, Prompt]:
        return {prompt.digest: prompt for prompt in self.project.prompts.filter(digest__in=wanted)}

    def responses_of(self, pairs: Sequence[Pair], prompts: dict[str, Prompt]) -> dict[Any, Response]:
        """Response rows by `index_of`. What a named model answered to a prompt is one row, in however many pairs."""
        wanted: dict[Any, Response] = {}
        for pair in pairs:
            for side in ("a", "b"):
                answer: Answer = getattr(pair, side)
                wanted[index_of(pair, side)] = Response(
                    prompt=prompts[digest_of(pair.messages)],
                    text=answer.text,
                    model_version=self.models.called(answer.model),
                )
        named = [response.prompt_id for response in wanted.values() if response.model_version_id]
        held = {
            (response.prompt_id, response.model_version_id, response.text): response
            for response in Response.objects.filter(prompt__in=set(named), model_version__isnull=False)
        }
        for index, response in wanted.items():
            wanted[index] = held.get((response.prompt_id, response.model_version_id, response.text), response)
        Response.objects.bulk_create(response for response in wanted.values() if response.pk is None)
        return wanted

    def place(self, pairs: Sequence[Pair], prompts: dict[str, Prompt], responses: dict[Any, Response]) -> list[Placed]:
        """Each verdict of each pair; where people judged, with the submitted assignment that it answers."""
        if not self.form.raters:
            return [(pair, verdict, None) for pair in pairs for verdict in pair.verdicts]
        items = Item.objects.bulk_create(
            Item(
                project=self.project,
                batch=self.batch_of(pair),
                prompt=prompts[digest_of(pair.messages)],
                response_1=responses[index_of(pair, "a")],
                response_2=responses[index_of(pair, "b")],
            )
            for pair in pairs
        )
        now = timezone.now()
        placed = [
            (
                pair,
                verdict,
                Assignment(
                    item=item,
                    status=Assignment.Status.SUBMITTED,
                    annotator=self.rater(verdict.annotator),
                    submitted_at=now,
                ),
            )
            for pair, item in zip(pairs, items, strict=True)
            for verdict in pair.verdicts
        ]
        Assignment.objects.bulk_create(assignment for _, _, assignment in placed)
        return [*placed]

    def batch_of(self, pair: Pair) -> Batch | None:
        """The batch that the import was asked for, or else the row's; one that is made for it is complete."""
        name = self.batch_name or pair.batch
        if name and name not in self.batches:
            self.batches[name] = batch_called(name, self.project) or add_closed_batch(name, self.project)
        return self.batches.get(name)

    def rater(self, username: str | None) -> Person | None:
        """The account that stands for a person whom the file knows by number: nobody can sign in to it."""
        if username is None:
            return None
        if username not in self.raters:
            users = get_user_model()._default_manager
            user, created = users.get_or_create(username=username, defaults={"is_active": False})
            if created:
                user.set_unusable_password()
                user.save()
                user.groups.set(Group.objects.filter(name="annotator"))
            self.raters[username] = user
        return self.raters[username]


def import_key(pair: Pair, verdict: Verdict) -> str:
    """What makes a comparison of this pair the same in every import: one per person who judged it."""
    if verdict.annotator is None:
        return pair.digest
    return hashlib.sha256(f"{pair.digest} {verdict.annotator}".encode()).hexdigest()


def index_of(pair: Pair, side: str) -> tuple[str, ...]:
    """What tells a chunk's responses apart: the model and its words, or, without a model, the pair and the side."""
    answer: Answer = getattr(pair, side)
    if answer.model is None:
        return (pair.digest, side)
    return (digest_of(pair.messages), answer.model, answer.text)
