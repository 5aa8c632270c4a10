"""Instructions that should hold for a whole dialogue (Ghost Attention; paper, section 3.3), and how an answer shows
that it keeps them.

A constraint is a hobby, a language, a public figure, or one that a team writes itself as a line of
data/constraints.jsonl: ``{"instruction": text, "short": text, "check": {rule: value, ...}, "kind": text}``. The rules:

- ``contains``: a phrase, or a list of phrases of which one is enough, as whole words in either case;
- ``starts_with``, ``ends_with``: the answer's first or last words, in either case, white space around it left out;
- ``regex``: a regular expression that is found in the answer;
- ``language``: one of LANGUAGES, told by its function words (see is_in_language);
- ``at_most_words``: the answer's greatest length in words.

All the rules of a check must hold. A check is a rule of thumb: "You enjoy tennis" counts as kept where an answer
mentions tennis, which is what the paper's human evaluation asked of an answer, too (appendix A.3.5: whether it "is able
to refer to attributes").
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.json_lines import DataError, read_lines

LANGUAGES = {
    "Dutch": "aan als bij dat de die een en er het hij ik in is je maar met naar niet of om ook op te van voor was we "
    "wij zijn",
    "English": "a an and are as at but for from have i in is it not of on or that the this to was we with you your",
    "French": "au aux avec ce cette dans de des du elle en est et il je la le les mais ne nous ou par pas pour que qui "
    "se sur un une vous",
    "German": "als am auf aus bei das dem den der des die ein eine er es für ich im in ist mit nicht sich sie sind und "
    "von wie wir zu zum",
    "Italian": "al anche che con da dal dei del della di e è gli il in io la le lo ma mi nel non per più si sono su un "
    "una",
    "Portuguese": "a ao as com como da das de do dos e é ela ele em eu mais mas na não no nos o os ou para por que se "
    "um uma você",
    "Spanish": "a al como con de del el ella en es está la las lo los más no nos o para pero por que se su te un una "
    "usted y yo",
}
"""Languages that can be asked for, with the function words that tell them apart."""

HOBBIES = {
    "chess": ("chess", "pawn", "checkmate"),
    "cooking": ("cooking", "cook", "recipe", "kitchen"),
    "cycling": ("cycling", "bicycle", "bike", "pedal"),
    "gardening": ("gardening", "garden", "plants", "flowers"),
    "hiking": ("hiking", "hike", "trail", "mountains"),
    "painting": ("painting", "paint", "canvas", "brush"),
    "photography": ("photography", "camera", "photograph", "photo"),
    "sailing": ("sailing", "sail", "sailboat"),
    "tennis": ("tennis", "racket"),
}
"""Hobbies, with the words of which one shows that an answer has them in mind."""

FIGURES = {
    "Albert Einstein": ("einstein", "relativity", "physics"),
    "Cleopatra": ("cleopatra", "egypt", "nile", "pharaoh"),
    "Leonardo da Vinci": ("leonardo", "da vinci", "mona lisa", "florence"),
    "Marie Curie": ("curie", "radium", "radioactivity", "laboratory"),
    "Napoleon": ("napoleon", "bonaparte", "emperor", "france"),
    "Oscar Wilde": ("wilde", "dorian gray"),
    "William Shakespeare": ("shakespeare", "thou", "thee", "thy", "hath"),
    "Winston Churchill": ("churchill", "britain", "prime minister", "never surrender"),
}
"""Public figures, with the words of which one shows that an answer plays them."""

Rule = Callable[[str, Any], bool]


@dataclass(frozen=True)
class Constraint:
    """Something an answer should keep to."""

    kind: str
    """Constraints of one kind exclude each other: an instruction takes at most one of each."""
    instruction: str
    short: str
    """The same in fewer words ("Figure: Napoleon.")."""
    check: dict[str, Any]
    """Rules by name, all of which an answer must meet."""

    def kept_by(self, answer: str) -> bool:
        """Whether the answer meets every rule; an empty one keeps to nothing."""
        return bool(answer.strip()) and all(_RULES[name](answer, value) for name, value in self.check.items())


@dataclass(frozen=True)
class Instruction:
    """One or more constraints in words."""

    text: str
    constraints: tuple[Constraint, ...]

    def kept_by(self, answer: str) -> bool:
        """Whether the answer keeps to all of the constraints."""
        return all(constraint.kept_by(answer) for constraint in self.constraints)


def draw_instruction(constraints: Sequence[Constraint], chance: random.Random, short_share: float) -> Instruction:
    """An instruction that combines constraints of different kinds at random: any number of kinds is as likely as any
    other, and so is each constraint of a kind. short_share: how often it is put in few words."""
    kinds = sorted({constraint.kind for constraint in constraints})
    taken = sorted(chance.sample(kinds, chance.randint(1, len(kinds))))
    chosen = tuple(chance.choice([each for each in constraints if each.kind == kind]) for kind in taken)
    is_short = chance.random() < short_share
    return Instruction(" ".join(each.short if is_short else each.instruction for each in chosen), chosen)


def shipped_constraints() -> list[Constraint]:
    """The paper's three kinds (section 3.3): hobbies, languages and public figures."""
    return [
        *(
            Constraint("hobby", f"You enjoy {hobby}.", f"Hobby: {hobby}.", {"contains": list(words)})
            for hobby, words in HOBBIES.items()
        ),
        *(
            Constraint("language", f"Speak in {language}.", f"Language: {language}.", {"language": language})
            for language in LANGUAGES
            if language != "English"
        ),
        *(
            Constraint("figure", f"Always act as {name} from now.", f"Figure: {name}.", {"contains": list(words)})
            for name, words in FIGURES.items()
        ),
    ]


def read_constraints(path: Path) -> list[Constraint]:
    """The constraints of a JSONL file. The first line that can't be used raises DataError, and so does a file without
    any. A constraint without a kind is of the kind "own"; one without short words keeps its long ones."""
    return read_lines(path, _constraint, what="constraints", fields="instruction and check")


def is_in_language(answer: str, language: str) -> bool:
    """Whether the answer holds more different function words of the language than of any other of LANGUAGES, and at
    least two (one where it has fewer than four words)."""
    words = re.findall(r"\w+", answer.lower())
    found = {name: len(set(words) & set(known.split())) for name, known in LANGUAGES.items()}
    rivals = [count for name, count in found.items() if name != language]
    return found[language] > max(rivals) and found[language] >= (2 if len(words) >= 4 else 1)


def _contains(answer: str, phrases: str | list[str]) -> bool:
    listed = [phrases] if isinstance(phrases, str) else phrases
    return any(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", answer, re.IGNORECASE) for phrase in listed)


_RULES: dict[str, Rule] = {
    "contains": _contains,
    "starts_with": lambda answer, words: answer.strip().lower().startswith(words.strip().lower()),
    "ends_with": lambda answer, words: answer.strip().lower().endswith(words.strip().lower()),
    "regex": lambda answer, pattern: re.search(pattern, answer) is not None,
    "language": is_in_language,
    "at_most_words": lambda answer, count: len(answer.split()) <= count,
}


def _constraint(row: dict[str, Any], where: str) -> Constraint:
    if unknown := sorted(set(row) - {"kind", "instruction", "short", "check"}):
        raise DataError(f"{where}: unknown field {', '.join(unknown)}; known are kind, instruction, short, check")
    instruction = _text(row, "instruction", None, where)
    check = row.get("check")
    if not isinstance(check, dict) or not check:
        raise DataError(f"{where}: check must be an object of rules ({', '.join(_RULES)}), got {check!r}")
    for name, value in check.items():
        _check_rule(name, value, where)
    return Constraint(
        kind=_text(row, "kind", "own", where),
        instruction=instruction,
        short=_text(row, "short", instruction, where),
        check=check,
    )


def _text(row: dict[str, Any], field: str, default: str | None, where: str) -> str:
    value = row.get(field, default)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: {field} must be text, got {value!r}")
    return value


def _check_rule(name: str, value: Any, where: str) -> None:
    if name not in _RULES:
        raise DataError(f"{where}: check has no rule {name!r}; known are {', '.join(_RULES)}")
    is_text = isinstance(value, str) and bool(value.strip())
    if name == "contains":
        is_list = isinstance(value, list) and bool(value) and all(isinstance(each, str) and each for each in value)
        valid, expected = is_text or is_list, "a phrase or a list of phrases"
    elif name == "at_most_words":
        valid, expected = isinstance(value, int) and not isinstance(value, bool) and value >= 1, "a number from 1"
    elif name == "language":
        valid, expected = is_text and value in LANGUAGES, f"one of {', '.join(LANGUAGES)}"
    else:
        valid, expected = is_text, "text"
    if not valid:
        raise DataError(f"{where}: {name} must be {expected}, got {value!r}")
    if name == "regex":
        try:
            re.compile(value)
        except re.error as error:
            raise DataError(f"{where}: regex {value!r} is no regular expression: {error}") from error
