"""PandaLM's test set: two models' responses to one instruction, judged by three people.

It becomes a pairwise evaluation: an item per pair with its two stored responses and three submitted judgements. The
people are known by number alone, so three accounts that nobody can sign in to stand for them. annotator_k is 0 for a
tie, 1 or 2 for the better response: a side and no strength, so that the choice is stored and the points stay NULL.
Its authors show the models in alphabetical order, not at random: response_1 is A for all three, as they saw it.

The file's maker read a response that was the one word "True" as the JSON value; it is read back as the word. A model
may answer with nothing, and people judged that too.
"""

from annotation.importing.rows import Answer, Pair, Row, RowError, Verdict, shown, text_of
from annotation.models import Preference

RATERS = ("pandalm-annotator-1", "pandalm-annotator-2", "pandalm-annotator-3")
CHOICES = {0: Preference.Choice.TIE, 1: Preference.Choice.A, 2: Preference.Choice.B}
RULES = "The file says which response was better and not by how much: choices without points. response_1 is always A."


def read(row: Row) -> Pair:
    """The pair of a row, response_1 as A. Raises RowError."""
    instruction, given = text_of(row, "instruction"), text_of(row, "input", default="")
    first, second = (text_of(row, name, most=100) for name in ("model_1", "model_2"))
    if first == second:
        raise RowError(f"model_1 and model_2 must be two models, got {shown(first)} twice")
    return Pair(
        messages=[{"role": "user", "content": f"{instruction}\n\n{given}" if given else instruction}],
        a=Answer(response_of(row, "response_1"), model=first),
        b=Answer(response_of(row, "response_2"), model=second),
        verdicts=tuple(
            Verdict(choice=choice_of(row, f"annotator_{number}"), annotator=rater)
            for number, rater in enumerate(RATERS, start=1)
        ),
        external_id=text_of(row, "id", most=200, default=""),
        category=text_of(row, "motivation_app", most=100, default=""),
    )


def response_of(row: Row, name: str) -> str:
    if isinstance(row.get(name), bool):
        return str(row[name])
    return text_of(row, name)


def choice_of(row: Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value not in CHOICES:
        raise RowError(f"{name} must be 0 (tie), 1 or 2, got {shown(value)}")
    return CHOICES[value]
