"""Prompts: the messages that two responses answer, and the side of the split that they are on for ever."""

import hashlib
import json
from typing import Any

from django.conf import settings
from django.db import models

from annotation.models.projects import Batch, Project

Messages = list[dict[str, str]]


def digest_of(messages: Messages) -> str:
    """SHA-256 of the messages' roles and contents, in hexadecimal."""
    canonical = [[message["role"], message["content"]] for message in messages]
    return hashlib.sha256(json.dumps(canonical, ensure_ascii=False).encode()).hexdigest()


def opening_digest(messages: Messages) -> bytes:
    """SHA-256 of the opening user message, the same however it is spaced and capitalised."""
    opening = next((message["content"] for message in messages if message["role"] == "user"), "")
    return hashlib.sha256(" ".join(opening.lower().split()).encode()).digest()


def split_of(messages: Messages) -> str:
    """The side, train or test, fixed by a hash of the opening user message.

    The opening and not the whole context, so that a dialogue's later turns, and other dialogues that open with the
    same words, never straddle the two sides (architecture.md, invariant 6).
    """
    fraction = int.from_bytes(opening_digest(messages)[:8]) / 2**64
    return Prompt.Split.TEST if fraction < settings.PLUMBLINE_TEST_SHARE else Prompt.Split.TRAIN


class Prompt(models.Model):
    """A context that ends with a user message: a single question or a dialogue so far. Never changed once stored."""

    WRITTEN_HERE = "annotator"
    """The source of a prompt that its author wrote; of an imported one, the author is who imported it."""

    class Split(models.TextChoices):
        TRAIN = "train", "train"
        TEST = "test", "test"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompts")
    batch = models.ForeignKey(Batch, null=True, blank=True, on_delete=models.SET_NULL, related_name="prompts")
    messages: Any = models.JSONField(help_text='[{"role": "user", "content": "..."}, ...]')
    digest = models.CharField(max_length=64, editable=False)
    split = models.CharField(max_length=5, choices=Split, editable=False)
    category = models.CharField(max_length=100, blank=True)
    risk_category = models.CharField(max_length=100, blank=True, help_text="Safety stream: recipe.md 2, [90].")
    attack_vector = models.CharField(max_length=100, blank=True, help_text="Safety stream: recipe.md 2, [90].")
    source = models.CharField(max_length=50, blank=True, help_text="Where it came from: hh, pandalm, annotator, ...")
    external_id = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="prompts"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["author", "digest"], name="prompts_by_their_author")]
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="one_prompt_per_digest")]

    def __str__(self) -> str:
        return self.text[:80]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.digest or not self.split:
            self.fix_identity()
        super().save(*args, **kwargs)

    def fix_identity(self) -> "Prompt":
        """Set digest and split from the messages; `save` does, `bulk_create` needs it called before."""
        self.digest, self.split = digest_of(self.messages), split_of(self.messages)
        return self

    @property
    def text(self) -> str:
        """The last user message."""
        return self.messages[-1]["content"] if self.messages else ""

    @property
    def turn(self) -> int:
        """Which user turn of its dialogue this is, from 1."""
        return sum(message["role"] == "user" for message in self.messages)
