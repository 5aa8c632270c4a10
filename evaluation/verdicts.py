"""What a judge's reply says: the last line that begins with the template's label, and one of its words or points."""

import re
from typing import NamedTuple

from evaluation.questioning import PAIR, Template

_TOKEN = re.compile(r"[-+]?\d+(?:[.,]\d+)?|[^\W\d_]+")
_DECORATION = re.compile(r"[*_`#<>~\[\](){}\"'\u201c\u201d\u2018\u2019]+")
SHOWN = 80


class Verdict(NamedTuple):
    """points: on the template's scale. preference: of a pair, for the answer shown first, 0 to 1."""

    points: int | None
    preference: float | None


class UnreadableError(ValueError):
    """A reply without a verdict that can be read; says what was expected and what was there."""


def read_verdict(template: Template, reply: str) -> Verdict:
    """Raises UnreadableError. Letters may be large or small, and the line may be decorated as Markdown; a verdict that
    names two is none."""
    line = _verdict_line(template.label, reply)
    allowed = (
        [str(point) for point in range(1, template.points + 1)] if template.points else list(template.choices or ())
    )
    tokens = [token.casefold() for token in _TOKEN.findall(_without_scale(line, template.points))]
    if not tokens:
        raise UnreadableError(f"nothing follows {template.label!r}; expected one of {', '.join(allowed)}")
    said = tokens[0]
    others = {token for token in tokens[1:] if token in allowed and token != said}
    if said not in allowed:
        raise UnreadableError(f"expected one of {', '.join(allowed)} after {template.label!r}, got {line[:SHOWN]!r}")
    # "a" is an English word: alone in a remark it names nothing
    if others - {"a"} if template.choices else others:
        raise UnreadableError(f"the verdict names more than one of {', '.join(allowed)}: {line[:SHOWN]!r}")
    if template.points is None:
        return Verdict(None, (template.choices or {})[said])
    points = int(said)
    return Verdict(points, (template.points - points) / (template.points - 1) if template.shows == PAIR else None)


def _verdict_line(label: str, reply: str) -> str:
    """What follows the label on the last line that begins with it."""
    wanted = " ".join(label.casefold().split())
    for line in reversed(reply.splitlines()):
        plain = " ".join(_DECORATION.sub(" ", line).split()).replace(" :", ":")
        if plain.casefold().startswith(wanted):
            return plain[len(wanted) :].strip()
    if not reply.strip():
        raise UnreadableError("the reply is empty")
    last = reply.strip().splitlines()[-1]
    raise UnreadableError(f"no line begins with {label!r}; the last one is {last[:SHOWN]!r}")


def _without_scale(line: str, points: int | None) -> str:
    """ "6/7" and "6 out of 7" say 6."""
    return re.sub(rf"^\W*(\d+)\s*(?:/|out of|of)\s*{points}\b", r"\1", line) if points else line
