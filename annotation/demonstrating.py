"""Demonstrations of the annotator's own: a prompt is written, and with it begins the place where it is answered.

In the safety stream the annotator red-teams first: the prompt says what it is about and how it goes about it, and the
answer is the safe and helpful one (section 4.2.2).
"""

from django.contrib.auth.models import AbstractUser

from annotation import assigning
from annotation.dialogues import DialogueOpenError, store_prompt
from annotation.models import Assignment, Item, Project, Prompt


def start(
    project: Project, annotator: AbstractUser, text: str, risk_category: str = "", attack_vector: str = ""
) -> Assignment:
    """Put a prompt of the annotator's own into their hands; sending the same one again gives the same place.

    Raises DialogueOpenError where something else is in hand.
    """
    with assigning.one_tab_at_a_time(annotator):
        if in_hand := assigning.lease_of(project, annotator):
            if in_hand.item.prompt.text != text:
                raise DialogueOpenError
            return in_hand
        prompt = labelled(
            store_prompt(project, annotator, [{"role": "user", "content": text}]), risk_category, attack_vector
        )
        item = Item.objects.create(project=project, prompt=prompt, own_prompt=True, batch=project.open_batch)
        place = Assignment.objects.create(item=item)
        assigning.lease(place, annotator)
        return place


def labelled(prompt: Prompt, risk_category: str, attack_vector: str) -> Prompt:
    """The prompt with these labels, unless it had some: whoever asked it first said so."""
    changed = [
        name
        for name, value in (("risk_category", risk_category), ("attack_vector", attack_vector))
        if value and not getattr(prompt, name)
    ]
    if changed:
        prompt.risk_category = prompt.risk_category or risk_category
        prompt.attack_vector = prompt.attack_vector or attack_vector
        prompt.save(update_fields=changed)
    return prompt


def withdraw(place: Assignment, annotator: AbstractUser) -> Prompt:
    """Take back a prompt of one's own that is not answered yet, to be written anew. Raises LeaseLostError."""
    with assigning.one_tab_at_a_time(annotator):
        place = assigning.hold(place, annotator)
        if not place.item.own_prompt or place.demonstrations.exists():
            raise assigning.LeaseLostError
        prompt = place.item.prompt
        assigning.let_go(place)
        return prompt
