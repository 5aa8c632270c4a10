from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from modeling.chat import Message, encode_dialogue
from modeling.checkpoints import CheckpointError, RewardModel, load_reward_model, load_tokenizer, save
from modeling.scoring import score

SKY = [Message(role="user", content="the sky")]
EXCHANGES = [(SKY, "blue"), (SKY, "the sun is bright and the tree is in the garden"), (SKY, "")]


def test_a_score_is_the_heads_output_at_the_end_of_the_answer(reward_model: RewardModel) -> None:
    exchange = encode_dialogue(reward_model.tokenizer, [*SKY, Message(role="assistant", content="blue")])
    with torch.no_grad():
        expected = reward_model.model(input_ids=torch.tensor([[*exchange.prompt, *exchange.answer]])).logits.item()
    assert score(reward_model, [(SKY, "blue")]) == [pytest.approx(expected, abs=1e-5)]


def test_scores_come_in_the_order_of_the_exchanges_whatever_the_batches(reward_model: RewardModel) -> None:
    together = score(reward_model, EXCHANGES)
    assert together == pytest.approx(score(reward_model, EXCHANGES, token_budget=1), abs=1e-5)
    assert together == pytest.approx(score(reward_model, EXCHANGES[::-1])[::-1], abs=1e-5)
    assert together == pytest.approx([score(reward_model, [exchange])[0] for exchange in EXCHANGES], abs=1e-5)
    assert len(set(together)) == 3


def test_scores_of_a_model_in_bfloat16_are_not_rounded_to_bfloat16(reward_model: RewardModel, tmp_path: Path) -> None:
    save(*reward_model, tmp_path / "reward")
    exact = torch.tensor(score(load_reward_model(tmp_path / "reward"), EXCHANGES))
    fast = torch.tensor(score(load_reward_model(tmp_path / "reward", torch.bfloat16), EXCHANGES))
    assert torch.allclose(fast, exact, atol=0.05)
    assert not torch.equal(fast, fast.bfloat16().float())


def test_a_classifier_with_another_head_is_no_reward_model(tmp_path: Path, base: Path) -> None:
    shape = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=1)
    save(BertForSequenceClassification(shape), load_tokenizer(base), tmp_path / "reward")
    with pytest.raises(CheckpointError, match="BertForSequenceClassification has no head `score`"):
        load_reward_model(tmp_path / "reward")


def test_a_dialogue_beyond_the_context_is_scored_by_its_newest_tokens(reward_model: RewardModel) -> None:
    long = [Message(role="user", content="hot stove " * 100 + "the sky")]
    longer = [Message(role="user", content="blue garden " * 50 + long[0]["content"])]
    assert score(reward_model, [(long, "blue")]) == pytest.approx(score(reward_model, [(longer, "blue")]), abs=1e-5)


def test_nothing_to_score_gives_no_scores(reward_model: RewardModel) -> None:
    assert score(reward_model, []) == []
