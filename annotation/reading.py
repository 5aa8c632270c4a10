"""How much there was to read at a place, and whether it can have been read in the time that was taken."""

from collections.abc import Iterable

from annotation.models import Assignment, Project


def is_hasty(seconds: float, words: int, seconds_per_100_words: float) -> bool:
    """Less time than it takes to read so many words at the project's fastest pace."""
    return seconds < words / 100 * seconds_per_100_words


def words_at(place: Assignment) -> int:
    """Words of the prompts and the answers that a judgement at this place rests on.

    A prompt of the annotator's own need not be read, and a dialogue's history was read in the turn before.
    """
    texts: list[str] = []
    item = place.item
    if not item.own_prompt:
        texts += [message["content"] for message in item.prompt.messages]
    turns = place.comparisons.values_list("response_a__text", "response_b__text")
    replies = place.dialogue.replies.values_list("response__text") if hasattr(place, "dialogue") else ()
    for answers in (*turns, *replies):
        texts += answers
    if not turns and item.response_1:
        texts.append(item.response_1.text)
    return count_words(texts)


def count_words(texts: Iterable[str]) -> int:
    return sum(len(text.split()) for text in texts)


def was_hasty(place: Assignment, project: Project, seconds: float | None) -> bool:
    """Whether the work at a place took less time than its reading does."""
    if seconds is None or project.seconds_per_100_words <= 0:
        return False
    return is_hasty(seconds, words_at(place), project.seconds_per_100_words)
