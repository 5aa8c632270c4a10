"""Dialogues for Ghost Attention: read from a run's data/prompts.jsonl, given their instructions, put to a model turn by
turn, and brought into the form that is trained on.

A line is ``{"messages": [user, assistant, user, ...], "id": text}``, a system message first where there is one. The
user's turns are taken, the assistant's are not: the model that is tuned gives answers of its own.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.chat import ChatError, Message, alternating
from modeling.checkpoints import Policy
from modeling.ghost_config import GhostAttentionConfig
from modeling.instructions import Constraint, Instruction, draw_instruction
from modeling.json_lines import DataError, read_lines
from modeling.recipe import step_seed
from modeling.sampling import sample_batch


@dataclass(frozen=True)
class UserTurns:
    """What the user says in a dialogue, turn by turn."""

    id: str
    questions: list[str]
    system: str | None = None


@dataclass(frozen=True)
class Plan:
    """A dialogue that is to be held under an instruction."""

    id: str
    instruction: Instruction
    questions: list[str]
    system: str | None = None

    def opening(self, place: str) -> list[Message]:
        """The system message, if there is one. place: where the instruction stands (every, user, system)."""
        parts = [self.instruction.text] if place == "system" else []
        parts += [self.system] if self.system else []
        return [Message(role="system", content="\n\n".join(parts))] if parts else []

    def asked(self, turn: int, place: str) -> Message:
        """The user's turn (counted from 0), with the instruction before it in every turn (every) or the first
        (user)."""
        question = self.questions[turn]
        if place == "every" or (place == "user" and turn == 0):
            question = f"{self.instruction.text}\n\n{question}"
        return Message(role="user", content=question)


def read_user_turns(path: Path) -> list[UserTurns]:
    """The user's turns of every dialogue of a JSONL file. The first line that can't be used raises DataError, and so
    does a file without dialogues."""
    return read_lines(path, _user_turns, what="dialogues", fields="messages")


def training_plans(
    dialogues: Sequence[UserTurns], constraints: Sequence[Constraint], config: GhostAttentionConfig
) -> list[Plan]:
    """Every dialogue, as often as configured, each time with another instruction and length."""
    chance = random.Random(step_seed(config.seed, 0))
    plans = []
    for number in range(config.instructions_per_dialogue):
        order = chance.sample(dialogues, len(dialogues))
        for place, first in enumerate(order):
            questions = _joined(order, place, chance.randint(config.least_turns, config.most_turns))
            instruction = draw_instruction(constraints, chance, config.short_share)
            plans.append(Plan(f"{first.id}/{number}", instruction, questions, first.system))
    return plans


def evaluation_plans(
    dialogues: Sequence[UserTurns], constraints: Sequence[Constraint], config: GhostAttentionConfig
) -> list[Plan]:
    """Held-out dialogues of evaluation_turns each; once all have begun one, they begin others."""
    chance = random.Random(step_seed(config.seed, 1))
    plans: list[Plan] = []
    while len(plans) < config.evaluation_dialogues:
        order = chance.sample(dialogues, len(dialogues))
        for place, first in enumerate(order[: config.evaluation_dialogues - len(plans)]):
            instruction = draw_instruction(constraints, chance, config.short_share)
            questions = _joined(order, place, config.evaluation_turns)
            plans.append(Plan(f"{first.id}/{len(plans)}", instruction, questions, first.system))
    return plans


def hold(policy: Policy, plans: Sequence[Plan], place: str, config: GhostAttentionConfig) -> list[dict[str, Any]]:
    """Holds the dialogues, all of them one turn at a time, and says which answers keep the instruction.

    A row: id, instruction, system, questions, answers, and per turn whether the answer was finished, whether the
    instruction was cut off because the dialogue no longer fitted into the model's context, and by kind of constraint
    whether it was kept.
    """
    room = policy.model.config.max_position_embeddings - config.max_new_tokens
    dialogues = [plan.opening(place) for plan in plans]
    rows: list[dict[str, Any]] = [
        {
            "id": plan.id,
            "instruction": plan.instruction.text,
            "system": plan.system,
            "questions": plan.questions,
            "answers": [],
            "finished": [],
            "cut": [],
            "kept": {constraint.kind: [] for constraint in plan.instruction.constraints},
        }
        for plan in plans
    ]
    for turn in range(max(len(plan.questions) for plan in plans)):
        going = [number for number, plan in enumerate(plans) if turn < len(plan.questions)]
        for number in going:
            dialogues[number].append(plans[number].asked(turn, place))
        drawn = sample_batch(
            policy,
            [dialogues[number] for number in going],
            temperature=config.temperature,
            top_p=config.top_p,
            seed=config.seed,
            max_new_tokens=config.max_new_tokens,
            rows=len(plans),
        )
        for index, (answer,) in drawn:
            plan, row = plans[going[index]], rows[going[index]]
            dialogues[going[index]].append(Message(role="assistant", content=answer.text))
            row["answers"].append(answer.text)
            row["finished"].append(answer.finish_reason == "stop")
            row["cut"].append(answer.prompt_tokens >= room)
            for constraint in plan.instruction.constraints:
                row["kept"][constraint.kind].append(constraint.kept_by(answer.text))
    return rows


def ghosted(plan: Plan, row: dict[str, Any], place: str) -> dict[str, Any]:
    """The dialogue as it is trained on: the instruction stands once, and the last answer alone is learned; the loss of
    all tokens of earlier turns, the assistant's included, is 0 (paper, section 3.3)."""
    messages = plan.opening(place)
    for turn, answer in enumerate(row["answers"]):
        messages += [plan.asked(turn, place), Message(role="assistant", content=answer)]
    return {"messages": messages, "trained_turns": "last", "id": plan.id, "source": "ghost attention"}


def kept(row: dict[str, Any], turn: int) -> bool:
    """Whether the answer of a turn keeps the whole instruction."""
    return all(by_turn[turn] for by_turn in row["kept"].values())


def _joined(dialogues: Sequence[UserTurns], first: int, turns: int) -> list[str]:
    """So many questions: those of the dialogue at ``first``, then of the ones that follow it, round and round."""
    questions: list[str] = []
    place = first
    while len(questions) < turns:
        questions += dialogues[place % len(dialogues)].questions
        place += 1
    return questions[:turns]


def _user_turns(row: dict[str, Any], where: str) -> UserTurns:
    if "messages" not in row:
        raise DataError(f"{where}: expected an object with messages, got {json.dumps(row):.80}")
    try:
        messages = alternating(row["messages"])
    except ChatError as error:
        raise DataError(f"{where}: messages: {error}") from error
    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    questions = [message["content"] for message in messages if message["role"] == "user"]
    return UserTurns(id=str(row.get("id", where)), questions=questions, system=system)
