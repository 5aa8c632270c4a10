"""Ghost Attention on a tiny model that keeps an instruction only in the turn that holds it."""

import json
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modeling import ghost_attention, stages
from modeling.checkpoints import digest, load_policy, load_tokenizer
from modeling.configuration import ConfigError
from modeling.ghost_attention import kept_by_turn, train, training_rows
from modeling.ghost_config import GhostAttentionConfig
from modeling.ghost_data import Plan, UserTurns, evaluation_plans, ghosted, hold, read_user_turns, training_plans
from modeling.instructions import Constraint, Instruction
from modeling.json_lines import DataError
from modeling.recipe import Progress, Stopped, TrainingError
from modeling.resuming import ResumeError
from modeling.sft_config import SFTConfig
from modeling.sft_data import Demonstration, encode
from modeling.train_sft import train as fine_tune
from modeling.training_config import CONFIGS, load_config, preset_for, save_config
from tests.modeling.conftest import write_jsonl
from tests.modeling.ranks import run_ranks

QUESTIONS = ["plant a tree", "the sky today", "the garden", "water the tree", "what is the day", "the sun"]
ANSWERS = {"say blue": "the sky is blue", "say hot": "the stove is hot", None: "you dig a hole"}
BLUE, HOT = (Constraint("own", f"say {word}", f"{word}!", {"contains": word}) for word in ("blue", "hot"))


class Killed(BaseException):
    """Stands for a process that ends without a chance to clean up."""


@pytest.fixture(scope="module")
def forgetful(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model that says what the newest turn asks it to say, and forgets it with the next turn."""
    run = tmp_path_factory.mktemp("forgetful")
    chance = random.Random(0)
    rows = []
    for _ in range(400):
        messages = []
        for _ in range(chance.randint(1, 3)):
            instruction, question = chance.choice(list(ANSWERS)), chance.choice(QUESTIONS)
            question += chance.choice(["", f" {chance.randint(0, 99)}"])
            asked = f"{instruction}\n\n{question}" if instruction else question
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": ANSWERS[instruction]}]
        rows.append({"messages": messages})
    write_jsonl(run / "data" / "train.jsonl", rows)
    config = SFTConfig(
        run_dir=run, base=base, batch_size=8, learning_rate=5e-3, epochs=1, packing=False, max_length=120
    )
    return fine_tune(config).model


def dialogues(first: int, count: int) -> list[dict[str, Any]]:
    """Dialogues of two user turns; no two open with the same question."""
    return [
        {
            "id": f"dialogue-{number}",
            "messages": [
                {"role": "user", "content": f"{QUESTIONS[number % 6]} {number}"},
                {"role": "assistant", "content": "the answer of the data is not taken"},
                {"role": "user", "content": QUESTIONS[number * 5 % 6]},
            ],
        }
        for number in range(first, first + count)
    ]


def write_run(run: Path) -> None:
    write_jsonl(run / "data" / "prompts.jsonl", dialogues(0, 48))
    write_jsonl(run / "data" / "held_out.jsonl", dialogues(48, 12))
    constraints = [{"instruction": f"say {word}", "check": {"contains": word}} for word in ("blue", "hot")]
    write_jsonl(run / "data" / "constraints.jsonl", constraints)


def settings(run: Path, base: Path) -> GhostAttentionConfig:
    return GhostAttentionConfig(
        run_dir=run,
        base=base,
        batch_size=8,
        learning_rate=3e-3,
        epochs=3,
        packing=False,
        max_length=120,
        least_turns=2,
        most_turns=3,
        max_new_tokens=16,
        dialogues_at_once=20,
        evaluation_dialogues=24,
        evaluation_turns=3,
        checkpoint_every=4,
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_run(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def finished_run(forgetful: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("finished")
    write_run(run)
    train(settings(run, forgetful))
    return run


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def figures(run: Path) -> list[dict[str, float]]:
    """What a run logged, but for what depends on the time that it took."""
    return [
        {name: value for name, value in line.items() if name != "seconds" and not name.endswith("_per_second")}
        for line in lines(run / "metrics.jsonl")
    ]


def test_it_keeps_the_instruction_that_it_used_to_forget(finished_run: Path) -> None:
    report = json.loads((finished_run / "report.json").read_text())
    before, after = (report["kept_by_turn"][when] for when in ("before", "after"))
    assert [point["turn"] for point in before] == [point["turn"] for point in after] == [1, 2, 3]
    assert {point["n"] for point in (*before, *after)} == {24}
    assert before[0]["share"] > 0.9
    assert before[1]["share"] < 0.3
    assert before[2]["share"] < 0.3
    assert min(point["share"] for point in after) > 0.8
    assert before[2]["high"] < after[2]["low"]  # Wilson intervals that don't overlap
    assert all(point["share"] > 0.9 for point in report["kept_while_attached"])
    assert report["kept_by_kind"]["own"] == report["kept_by_turn"]  # one kind of constraint: the whole instruction


def test_the_instruction_stands_in_every_turn_while_sampling_and_in_the_first_alone_while_training(
    finished_run: Path,
) -> None:
    for row in lines(finished_run / "sft" / "data" / "train.jsonl"):
        asked = [message["content"] for message in row["messages"] if message["role"] == "user"]
        assert asked[0].startswith(("say blue\n\n", "say hot\n\n"))
        assert not any("say" in question for question in asked[1:])
        assert row["trained_turns"] == "last"
        assert not any("answer of the data" in message["content"] for message in row["messages"])

    plan = Plan("1", Instruction("say blue", (BLUE,)), ["the sun", "the sky"])
    assert [plan.asked(turn, "every")["content"] for turn in (0, 1)] == ["say blue\n\nthe sun", "say blue\n\nthe sky"]
    assert [plan.asked(turn, "user")["content"] for turn in (0, 1)] == ["say blue\n\nthe sun", "the sky"]
    assert [plan.asked(turn, "system")["content"] for turn in (0, 1)] == ["the sun", "the sky"]


def test_the_instruction_can_be_the_system_message(base: Path) -> None:
    plan = Plan("1", Instruction("say blue", (BLUE,)), ["the sun", "the sky"], system="be kind")
    row = ghosted(plan, {"answers": ["blue", "so blue"]}, "system")
    assert row["messages"] == [
        {"role": "system", "content": "say blue\n\nbe kind"},
        {"role": "user", "content": "the sun"},
        {"role": "assistant", "content": "blue"},
        {"role": "user", "content": "the sky"},
        {"role": "assistant", "content": "so blue"},
    ]
    assert plan.opening("user") == [{"role": "system", "content": "be kind"}]
    assert Plan("2", plan.instruction, []).opening("every") == []


def test_the_loss_of_every_token_but_the_last_answers_is_zero(base: Path) -> None:
    tokenizer = load_tokenizer(base)
    plan = Plan("1", Instruction("say blue", (BLUE,)), ["the sun", "the sky", "the tree"])
    row = ghosted(plan, {"answers": ["blue", "so blue", "very blue"]}, "user")
    demonstration = Demonstration(row["id"], row["messages"], row["trained_turns"])
    (example,) = encode(tokenizer, [demonstration], 128).examples

    written = (
        "<s>[INST] say blue\n\nthe sun [/INST] blue </s><s>[INST] the sky [/INST] so blue </s>"
        "<s>[INST] the tree [/INST] very blue </s>"
    )
    assert example.ids.tolist() == tokenizer.encode(written, add_special_tokens=False)
    trained = example.ids[example.trained].tolist()
    assert trained == example.ids.tolist()[-len(trained) :]
    assert tokenizer.decode(trained).strip() == "very blue </s>"


def test_one_seed_gives_one_set_of_dialogues_and_each_begins_with_another_question(tmp_path: Path) -> None:
    config = replace(settings(tmp_path, tmp_path), least_turns=2, most_turns=4, instructions_per_dialogue=2)
    known = [UserTurns(str(number), [f"{number}a", f"{number}b"]) for number in range(30)]
    plans = training_plans(known, [BLUE, HOT], config)
    assert plans == training_plans(known, [BLUE, HOT], config)
    assert plans != training_plans(known, [BLUE, HOT], replace(config, seed=1))
    assert sorted(plan.questions[0] for plan in plans) == sorted([f"{number}a" for number in range(30)] * 2)
    assert {len(plan.questions) for plan in plans} == {2, 3, 4}
    assert all(plan.questions[1] == plan.questions[0].replace("a", "b") for plan in plans)
    assert len({plan.id for plan in plans}) == 60
    assert {plan.instruction.text for plan in plans} == {"say blue", "blue!", "say hot", "hot!"}


def test_an_evaluated_dialogue_goes_on_with_the_turns_of_the_next_ones(tmp_path: Path) -> None:
    config = replace(settings(tmp_path, tmp_path), evaluation_dialogues=5, evaluation_turns=7)
    known = [UserTurns(str(number), [f"{number}a", f"{number}b"]) for number in range(3)]
    plans = evaluation_plans(known, [BLUE], config)
    assert len(plans) == 5
    assert {plan.questions[0] for plan in plans[:3]} == {"0a", "1a", "2a"}
    for plan in plans:
        assert [question[1] for question in plan.questions] == list("abababa")
        assert plan.questions[6] == plan.questions[0]  # three dialogues have six turns: round again


def test_a_share_by_turn_counts_the_dialogues_that_reach_it() -> None:
    rows = [
        {"answers": ["x", "x"], "cut": [False, True], "kept": {"ending": [True, False], "language": [True, True]}},
        {"answers": ["x", "x"], "cut": [False, False], "kept": {"ending": [True, True]}},
        {"answers": ["x"], "cut": [False], "kept": {"language": [False]}},
    ]
    first, second = kept_by_turn(rows)
    assert (first["turn"], first["n"], first["share"], first["beyond_context"]) == (1, 3, pytest.approx(2 / 3), 0)
    assert (second["turn"], second["n"], second["share"], second["beyond_context"]) == (2, 2, 0.5, 1)
    # Wilson 1927 for 1 of 2: (0.5 + z^2/4) / (1 + z^2/2) -+ ..., z = 1.96
    assert (second["low"], second["high"]) == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert [point["share"] for point in kept_by_turn(rows, "language")] == [0.5, 1.0]
    assert kept_by_turn(rows, "hobby") == []


def test_a_dialogue_beyond_the_context_is_counted_as_such(forgetful: Path, tmp_path: Path) -> None:
    plan = Plan("1", Instruction("say blue", (BLUE,)), ["the sky is blue and the sun is bright"] * 6)
    (row,) = hold(load_policy(forgetful), [plan], "user", settings(tmp_path, forgetful))
    assert len(row["answers"]) == 6
    assert row["cut"][0] is False
    assert row["cut"][-1] is True  # 128 positions


def test_dialogues_that_cannot_be_trained_on_are_left_out_and_counted(base: Path, tmp_path: Path) -> None:
    def sampled(*answers: str, finished: bool = True, kept: tuple[bool, ...] = (True, True)) -> dict[str, Any]:
        turns = len(answers)
        return {
            "answers": list(answers),
            "finished": [True] * (turns - 1) + [finished],
            "cut": [False] * turns,
            "kept": {"own": list(kept)},
        }

    plan = Plan("1", Instruction("say blue", (BLUE,)), ["the sun", "the sky"])
    rows = [
        sampled("blue", "blue"),
        sampled("blue", "blue", finished=False),
        sampled("blue", " "),
        sampled("blue " * 120, "blue"),
        sampled("blue", "hot", kept=(True, False)),
        sampled("hot", "blue", kept=(False, True)),
    ]
    config = settings(tmp_path, base)
    counts = {}
    for must_keep in ("nothing", "last", "every"):
        chosen, left_out = training_rows([plan] * 6, rows, replace(config, must_keep=must_keep))
        counts[must_keep] = (len(chosen), left_out["broken"])
        assert (left_out["unfinished"], left_out["too_long"]) == (2, 1)
    assert counts == {"nothing": (3, 0), "last": (2, 1), "every": (1, 2)}
    with pytest.raises(TrainingError, match=r"none of the 1 sampled dialogues .*1 broken.*look at attached\.jsonl"):
        training_rows([plan], rows[4:5], replace(config, must_keep="last"))


def test_the_run_is_reported_whole(finished_run: Path, forgetful: Path) -> None:
    report = json.loads((finished_run / "report.json").read_text())
    assert report["model_digest"] == digest(finished_run / "model") == digest(finished_run / "sft" / "model")
    counts = report["dialogues"]
    assert counts["sampled"] == 48
    assert counts["trained"] == 48 - counts["unfinished"] - counts["too_long"] - counts["broken"]
    assert report["fine_tuning"]["train_dialogues"] == counts["trained"]
    logged = lines(finished_run / "metrics.jsonl")
    # 24 dialogues by 20, before and after; 48 by 20; three epochs by 8
    tuning = report["fine_tuning"]["steps"]
    assert [line["step"] for line in logged] == list(range(1, 2 + 3 + tuning + 2 + 1))
    assert report["steps"] == logged[-1]["step"] == logged[-1]["steps"]
    assert {"dialogues_per_second", "kept"} < set(logged[0])
    assert logged[0]["kept"] < 0.5 < logged[-1]["kept"] <= 1
    assert {"loss", "learning_rate", "gradient_norm"} < set(logged[5])
    assert load_config(SFTConfig, finished_run / "sft" / "config.yaml").base == forgetful
    seen: list[Progress] = []
    assert train(settings(finished_run, forgetful), seen.append).report == report
    assert seen == []


@pytest.mark.parametrize("last_step", [1, 3, 4, 9, -1])
def test_a_run_that_is_killed_anywhere_ends_with_the_same_model(
    last_step: int, run: Path, forgetful: Path, finished_run: Path
) -> None:
    """Steps 1 and 2 evaluate, 3 to 5 sample, then fine-tuning, and 2 steps evaluate again."""
    steps = len(lines(finished_run / "metrics.jsonl"))

    def kill(progress: Progress) -> None:
        if progress.step == last_step % steps:
            raise Killed

    config = settings(run, forgetful)
    with pytest.raises(Killed):
        train(config, kill)
    torn = max(run.glob("*.jsonl"), key=lambda path: (path.name != "metrics.jsonl", path.stat().st_mtime_ns))
    with torn.open("a", encoding="utf-8") as stream:
        stream.write('{"id": "dialogue-1/0", "answ')
    train(config)
    for name in ("held_before.jsonl", "attached.jsonl", "held_after.jsonl", "model/model.safetensors"):
        assert (run / name).read_bytes() == (finished_run / name).read_bytes(), name
    assert figures(run) == figures(finished_run)


def test_the_command_explains_a_base_that_cannot_be_sampled_so(
    run: Path, base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    save_config(replace(settings(run, base), max_new_tokens=500))
    assert ghost_attention.main([str(run / "config.yaml")]) == 1
    assert "Error: max_new_tokens must be below the model's 128 positions, got 500" in capsys.readouterr().err


def test_a_run_that_is_asked_to_stop_keeps_its_chunks(
    run: Path, forgetful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter([False, False, False, True])
    with pytest.raises(Stopped):
        train(settings(run, forgetful), should_stop=lambda: next(asked))
    assert len(lines(run / "held_before.jsonl")) == 24
    assert len(lines(run / "attached.jsonl")) == 20
    with pytest.raises(ResumeError, match=r"temperature was 0\.7, is 1\.0"):
        train(replace(settings(run, forgetful), temperature=1.0))

    made: list[int] = []
    real = ghost_attention.hold

    def counted(policy: Any, plans: list[Plan], place: str, config: GhostAttentionConfig) -> list[dict[str, Any]]:
        made.append(len(plans))
        return real(policy, plans, place, config)

    monkeypatch.setattr(ghost_attention, "hold", counted)
    monkeypatch.setattr(stages.train_sft, "train", stop)
    with pytest.raises(Stopped):
        train(settings(run, forgetful))
    assert made == [20, 8]  # nothing that was kept is sampled again


def stop(*_: Any) -> None:
    raise Stopped


@pytest.mark.slow
def test_two_processes_give_the_curve_of_one(tmp_path: Path, forgetful: Path) -> None:
    for ranks in (1, 2):
        run = tmp_path / str(ranks)
        write_run(run)
        save_config(settings(run, forgetful))
        run_ranks("modeling.ghost_attention", run, ranks)
    for line, other in zip(figures(tmp_path / "2"), figures(tmp_path / "1"), strict=True):
        assert line == pytest.approx(other, abs=1e-5)
    one, two = (json.loads((tmp_path / str(ranks) / "report.json").read_text()) for ranks in (1, 2))
    assert one["kept_by_turn"]["before"] == two["kept_by_turn"]["before"]
    assert one["dialogues"] == two["dialogues"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not valid JSON"),
        ('{"prompt": "x"}', "expected an object with messages"),
        ('{"messages": []}', "a dialogue must open with a user's message, got none"),
        ('{"messages": [{"role": "assistant", "content": "hello"}]}', "got the assistant's"),
    ],
)
def test_a_dialogue_that_cannot_be_used_is_named(line: str, reason: str, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "prompts.jsonl", [*dialogues(0, 1), line])
    with pytest.raises(DataError, match=rf"^prompts\.jsonl, line 2: .*{reason}"):
        read_user_turns(tmp_path / "prompts.jsonl")


def test_a_file_without_dialogues_is_an_error(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "prompts.jsonl", [])
    with pytest.raises(DataError, match=r"prompts\.jsonl holds no dialogues"):
        read_user_turns(tmp_path / "prompts.jsonl")
    with pytest.raises(DataError, match=r"cannot read .*No such file"):
        read_user_turns(tmp_path / "missing.jsonl")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"instruction_as": "assistant"}, "instruction_as must be one of user, system, got 'assistant'"),
        ({"must_keep": "some"}, "must_keep must be one of nothing, last, every, got 'some'"),
        ({"least_turns": 4, "most_turns": 3}, r"most_turns must be least_turns \(4\) or more, got 3"),
        ({"evaluation_turns": 0}, "evaluation_turns must be at least 1, got 0"),
        ({"short_share": 1.5}, "short_share must be between 0 and 1, got 1.5"),
    ],
)
def test_a_setting_out_of_its_range_is_named(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=reason):
        replace(settings(tmp_path, tmp_path), **change)


def test_the_shipped_settings_are_valid(tmp_path: Path, make_config: Callable[[str], GhostAttentionConfig]) -> None:
    paper, small = make_config("paper"), make_config("small")
    assert (paper.learning_rate, paper.batch_size, paper.epochs) == (2e-5, 64, 2)
    assert (paper.evaluation_turns, paper.short_share, paper.must_keep) == (20, 0.5, "nothing")
    assert preset_for("ghost", 2_000_000)["learning_rate"] == small.learning_rate > paper.learning_rate


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[[str], GhostAttentionConfig]:
    def make(size: str) -> GhostAttentionConfig:
        text = (CONFIGS / f"ghost_{size}.yaml").read_text(encoding="utf-8")
        (tmp_path / "config.yaml").write_text(f"base: somewhere\n{text}", encoding="utf-8")
        return load_config(GhostAttentionConfig, tmp_path / "config.yaml")

    return make
