"""What fine-tuning does to a tiny model: it learns to answer as it is shown, and reports truthfully."""

import json
import math
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from modeling import train_sft
from modeling.chat import LLAMA2_TEMPLATE
from modeling.checkpoints import digest, load_policy
from modeling.configuration import ConfigError, configure, read_settings
from modeling.json_lines import DataError
from modeling.recipe import Progress, Stopped, TrainingError
from modeling.sampling import sample_batch
from modeling.sft_config import SFTConfig
from modeling.train_sft import train
from modeling.training_config import CONFIGS, preset_for, save_config
from tests.modeling.conftest import SENTENCES
from tests.modeling.ranks import Forked, assert_same_curve, kill_once, run_ranks

MakeRun = Callable[..., Path]
ANSWERS = ("you dig a hole", "water the tree every day", "the sky is blue and the sun is bright today")


def dialogue(number: int, **fields: Any) -> dict[str, Any]:
    """A dialogue with a prompt of its own; every third has two exchanges."""
    messages = [
        {"role": "user", "content": f"{SENTENCES[number % len(SENTENCES)]} {number}"},
        {"role": "assistant", "content": ANSWERS[number % 2]},
    ]
    if number % 3 == 0:
        messages += [{"role": "user", "content": "and today"}, {"role": "assistant", "content": ANSWERS[2]}]
    return {"id": f"dialogue-{number}", "messages": messages, **fields}


def dialogues(numbers: range, **fields: Any) -> list[dict[str, Any]]:
    return [dialogue(number, **fields) for number in numbers]


def settings(run: Path, base: Path) -> SFTConfig:
    return SFTConfig(run_dir=run, base=base, batch_size=2, learning_rate=3e-3, max_length=100, token_budget=200)


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_to_answer_as_it_is_shown(make_run: MakeRun, base: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "you dig a hole"}]}
        for text in SENTENCES
    ]
    run = make_run(rows, [{"messages": [{"role": "user", "content": "why"}, *rows[0]["messages"][1:]]}])
    seen: list[Progress] = []
    result = train(replace(settings(run, base), steps=40), seen.append)

    assert seen[0].figures["loss"] > 4
    assert seen[-1].figures["loss"] < 0.1
    held_out = result.report["held_out"]
    assert held_out["loss"] < 1
    assert held_out["perplexity"] == pytest.approx(math.exp(held_out["loss"]))
    policy = load_policy(result.model)
    (_, (answer,)), *_ = sample_batch(policy, [rows[1]["messages"][:1]], temperature=0, max_new_tokens=20)
    assert (answer.text, answer.finish_reason) == ("you dig a hole", "stop")


@pytest.mark.parametrize("packing", [True, False])
def test_one_step_equals_a_reference_written_differently(make_run: MakeRun, base: Path, packing: bool) -> None:
    rows = dialogues(range(5))
    rows[3]["trained_turns"] = "last"
    config = replace(settings(make_run(rows), base), steps=1, batch_size=5, learning_rate=1e-3, packing=packing)
    result = train(config)

    model, tokenizer = load_policy(base)
    total, trained = torch.tensor(0.0), 0
    for row in rows:
        ids: list[int] = []
        labels: list[int] = []
        for place in range(0, len(row["messages"]), 2):
            question, answer = (message["content"] for message in row["messages"][place : place + 2])
            learned = row.get("trained_turns") != "last" or place + 2 == len(row["messages"])
            prompt_ids = tokenizer.encode(f"<s>[INST] {question} [/INST]", add_special_tokens=False)
            both = tokenizer.encode(f"<s>[INST] {question} [/INST] {answer} </s>", add_special_tokens=False)
            assert both[: len(prompt_ids)] == prompt_ids
            ids += both
            answer_labels = both[len(prompt_ids) :] if learned else [-100] * (len(both) - len(prompt_ids))
            labels += [-100] * len(prompt_ids) + answer_labels
        count = sum(label != -100 for label in labels)
        total = total + count * model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss
        trained += count
    assert losses(config.run_dir) == pytest.approx([float(total.detach()) / trained], abs=1e-5)
    # the only step takes the peak; AdamW's first update is lr * g / (|g| + eps), after decay by 1 - lr * 0.1
    (total / trained).backward()
    norm = torch.sqrt(sum((parameter.grad**2).sum() for parameter in model.parameters()))
    weights = load_policy(result.model).model.state_dict()
    (rate,) = [json.loads(line)["learning_rate"] for line in (config.run_dir / "metrics.jsonl").open()]
    assert rate == 1e-3
    for name, parameter in model.named_parameters():
        gradient = parameter.grad * min(1.0, 1 / norm.item())
        decayed = parameter * (1 - rate * 0.1) if parameter.ndim == 2 else parameter
        expected = decayed - rate * gradient / (gradient.abs() + 1e-5)
        torch.testing.assert_close(weights[name], expected.detach(), atol=2e-5, rtol=0)


def test_the_curve_does_not_depend_on_the_memory_that_it_may_take(make_run: MakeRun, base: Path) -> None:
    for packing in (True, False):
        curves = []
        for budget in (1, 10_000):
            run = make_run(dialogues(range(12)), name=f"{packing}-{budget}")
            train(replace(settings(run, base), token_budget=budget, packing=packing))
            curves.append(losses(run))
        assert curves[0] == pytest.approx(curves[1], abs=1e-5)


def test_packed_sequences_hold_more_and_say_so(make_run: MakeRun, base: Path) -> None:
    packed = train(settings(make_run(dialogues(range(12)), name="packed"), base)).report
    plain = train(replace(settings(make_run(dialogues(range(12)), name="plain"), base), packing=False)).report
    assert plain["sequences"] == 12
    assert packed["sequences"] < 12
    assert packed["filled"] > 0.7 > plain["filled"]
    assert packed["tokens"] == plain["tokens"]
    assert packed["trained_tokens"] == plain["trained_tokens"]


def test_held_out_loss_is_that_of_transformers(make_run: MakeRun, base: Path) -> None:
    run = make_run(dialogues(range(6)), dialogues(range(6, 9)))
    report = train(settings(run, base)).report
    model, tokenizer = load_policy(run / "model")
    total, count = 0.0, 0
    for row in dialogues(range(6, 9)):
        prefix = ""
        for place in range(0, len(row["messages"]), 2):
            question, answer = (message["content"] for message in row["messages"][place : place + 2])
            start = len(tokenizer.encode(f"{prefix}<s>[INST] {question} [/INST]", add_special_tokens=False))
            prefix = f"{prefix}<s>[INST] {question} [/INST] {answer} </s>"
            ids = torch.tensor([tokenizer.encode(prefix, add_special_tokens=False)])
            labels = ids.clone()
            labels[:, :start] = -100
            tokens = ids.shape[1] - start
            with torch.no_grad():
                total += tokens * model(input_ids=ids, labels=labels).loss.item()
            count += tokens
    assert report["held_out"] == pytest.approx(
        {"tokens": count, "loss": total / count, "perplexity": math.exp(total / count)}, rel=1e-5
    )


def test_every_step_is_logged_and_the_report_written(make_run: MakeRun, base: Path) -> None:
    run = make_run(dialogues(range(6)))
    result = train(replace(settings(run, base), packing=False, epochs=2))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    named = {"loss", "learning_rate", "gradient_norm", "tokens_per_second", "trained_tokens"}
    assert set(lines[0]) == {"step", "steps", "seconds", *named}
    assert lines[0]["learning_rate"] == 3e-3  # no warm-up
    assert lines[-1]["learning_rate"] == pytest.approx(3e-4)
    assert json.loads((run / "report.json").read_text()) == result.report
    assert result.report["model_digest"] == digest(run / "model")
    assert result.report["held_out"] == {"tokens": 0, "loss": None, "perplexity": None}
    assert (result.report["train_dialogues"], result.report["cut_dialogues"], result.report["steps"]) == (6, 0, 6)
    seen: list[Progress] = []
    assert train(replace(settings(run, base), packing=False, epochs=2), seen.append).report == result.report
    assert seen == []


def test_a_number_of_steps_goes_before_epochs(make_run: MakeRun, base: Path) -> None:
    run = make_run(dialogues(range(3)))
    assert train(replace(settings(run, base), steps=7)).report["steps"] == len(losses(run)) == 7


def test_a_base_without_a_template_leaves_with_the_one_that_it_learned(make_run: MakeRun, base: Path) -> None:
    assert load_policy(base).tokenizer.chat_template is None
    result = train(replace(settings(make_run(dialogues(range(3))), base), steps=1))
    assert AutoTokenizer.from_pretrained(result.model).chat_template == LLAMA2_TEMPLATE


def test_a_run_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(make_run: MakeRun, base: Path) -> None:
    whole, stopped = (make_run(dialogues(range(16)), name=name) for name in ("whole", "stopped"))
    train(replace(settings(whole, base), checkpoint_every=2))
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked % 5 == 0

    with pytest.raises(Stopped):
        train(replace(settings(stopped, base), checkpoint_every=2), should_stop=should_stop)
    assert 0 < len(losses(stopped)) < len(losses(whole))
    train(replace(settings(stopped, base), checkpoint_every=2))
    assert losses(stopped) == losses(whole)
    assert (stopped / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()


def test_a_process_killed_with_signal_9_resumes_to_the_same_weights(make_run: MakeRun, base: Path) -> None:
    whole, killed = (make_run(dialogues(range(60)), name=name) for name in ("whole", "killed"))
    for run in (whole, killed):
        save_config(replace(settings(run, base), checkpoint_every=2))
    run_ranks("modeling.train_sft", whole, ranks=1)
    kill_once((killed / "checkpoints/step-4").exists, Forked("modeling.train_sft", killed, ranks=1))
    assert not (killed / "report.json").exists()
    run_ranks("modeling.train_sft", killed, ranks=1)
    assert losses(killed) == losses(whole)
    assert (killed / "model/model.safetensors").read_bytes() == (whole / "model/model.safetensors").read_bytes()


def test_adapters_learn_and_are_merged_into_a_plain_checkpoint(make_run: MakeRun, base: Path) -> None:
    run = make_run(dialogues(range(6)))
    config = replace(settings(run, base), steps=20, lora_rank=4, learning_rate=1e-2, checkpoint_every=5)
    report = train(config).report
    assert losses(run)[-1] < 0.7 * losses(run)[0]
    before, after = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (base, run / "model"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "proj" in name}
    assert report["model_digest"] == digest(run / "model")
    assert report["parameters"] == load_policy(base).model.num_parameters()

    again = make_run(dialogues(range(6)), name="again")
    train(replace(config, run_dir=again))
    assert losses(again) == losses(run)


def test_gradient_checkpointing_and_mixed_precision_train_too(make_run: MakeRun, base: Path) -> None:
    run = make_run(dialogues(range(6)))
    train(replace(settings(run, base), steps=15, gradient_checkpointing=True, precision="bfloat16"))
    assert losses(run)[-1] < 0.7 * losses(run)[0]
    model = AutoModelForCausalLM.from_pretrained(run / "model")
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


def test_data_that_cannot_be_used_start_nothing(make_run: MakeRun, base: Path) -> None:
    run = make_run(dialogues(range(3)), dialogues(range(2, 4)))
    with pytest.raises(DataError, match="test dialogue dialogue-2 is also that of training dialogue dialogue-2"):
        train(settings(run, base))
    assert [path.name for path in run.iterdir()] == ["data"]


def test_a_model_whose_dialogues_would_see_each_other_is_not_trained_packed(
    make_run: MakeRun, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_sft, "keeps_apart", lambda model: False)
    config = replace(settings(make_run(dialogues(range(3))), base), steps=1)
    with pytest.raises(TrainingError, match=r"packing: in .* \(llama\) a dialogue would see .* set packing to false"):
        train(config)
    assert train(replace(config, packing=False)).report["steps"] == 1


def test_the_command_trains_and_prints_the_report(
    make_run: MakeRun, base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)  # those of the test process stay its own
    run = make_run(dialogues(range(3)))
    save_config(replace(settings(run, base), steps=2))
    assert train_sft.main([str(run / "config.yaml")]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["model"] == str(run / "model")


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"sharded": True}, {"packing": False}, {"lora_rank": 4}])
def test_two_processes_give_the_curve_of_one(make_run: MakeRun, base: Path, changes: dict[str, Any]) -> None:
    curves = []
    for ranks in (1, 2):
        run = make_run(dialogues(range(15)), dialogues(range(15, 19)), name=f"ranks-{ranks}")
        save_config(replace(settings(run, base), batch_size=3, steps=8, **changes))
        curves.append(run_ranks("modeling.train_sft", run, ranks=ranks))
    assert_same_curve(curves[1], curves[0])


@pytest.mark.parametrize("name", ["sft_paper.yaml", "sft_small.yaml"])
def test_every_shipped_config_is_valid(name: str) -> None:
    configure(SFTConfig, {"run_dir": Path("run"), "base": Path("base"), **read_settings(CONFIGS / name)})


def test_the_paper_config_holds_the_numbers_of_the_paper() -> None:
    config = configure(SFTConfig, {"run_dir": Path("run"), "base": Path("base"), **preset_for("sft", 7_000_000_000)})
    assert (config.epochs, config.learning_rate, config.weight_decay) == (2, 2e-5, 0.1)
    assert (config.batch_size, config.max_length, config.packing) == (64, 4096, True)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"steps": -1}, r"steps must be 0 \(by epochs\) or more, got -1"),
        ({"max_length": 1}, "max_length must be at least 2, got 1"),
        ({"packing": "yes"}, "packing must be bool, got 'yes'"),
    ],
)
def test_a_wrong_setting_is_named(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configure(SFTConfig, {"run_dir": Path("run"), "base": Path("base"), **setting})
