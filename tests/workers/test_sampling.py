"""Two answers grow side by side, and nothing about them tells which model wrote which."""

import shutil
from pathlib import Path

import pytest

from annotation.models import Comparison, Project, Response
from modeling.registry.jobs import claim, reconcile
from modeling.registry.models import Job, ModelVersion
from tests.workers.conftest import CAREFUL, local_model, queued_comparison
from workers.carrying import JobError, Stopped, carry_out

pytestmark = pytest.mark.django_db
Models = tuple[ModelVersion, ModelVersion]
QUESTION = "What time is the ferry to Seal Island?"


def sampled(comparison: Comparison) -> Comparison:
    from workers.sampling import sample

    job = claim(Comparison, comparison.pk)
    assert job is not None
    carry_out(job, sample)
    return Comparison.objects.select_related("response_a", "response_b").get(pk=comparison.pk)


def test_both_answers_are_stored_with_how_they_came_about(project: Project, models: Models) -> None:
    comparison = sampled(queued_comparison(project, QUESTION, models))
    assert (comparison.status, comparison.error) == (Job.Status.DONE, "")
    for response in (comparison.response_a, comparison.response_b):
        assert "ferry" in response.text.lower()
        assert response.finish_reason in ("stop", "length")
        assert response.prompt_tokens and response.completion_tokens
        assert response.latency and response.latency > 0


def test_sampling_again_gives_the_same_answers(project: Project, models: Models) -> None:
    comparison = sampled(queued_comparison(project, QUESTION, models, temperature=1.5))
    first = (comparison.response_a.text, comparison.response_b.text)
    Comparison.objects.update(status=Job.Status.QUEUED)
    Response.objects.update(text="")
    comparison = sampled(comparison)
    assert (comparison.response_a.text, comparison.response_b.text) == first


def test_a_worker_that_is_told_to_stop_leaves_no_finished_answer(project: Project, models: Models) -> None:
    from workers.sampling import sample

    comparison = queued_comparison(project, QUESTION, models)
    with pytest.raises(Stopped):
        sample(comparison, lambda: True)
    comparison.response_a.refresh_from_db()
    assert comparison.response_a.finish_reason == ""


def test_a_worker_that_lost_its_comparison_overwrites_no_answer(project: Project, models: Models) -> None:
    from workers.sampling import sample

    lost = claim(Comparison, queued_comparison(project, QUESTION, models).pk)
    assert lost is not None

    def another_was_faster() -> bool:
        """While the worker that lost the comparison goes on, another one finishes it."""
        if not Response.objects.filter(text="What the annotator read.").exists():
            Comparison.objects.update(lease_until=None)
            reconcile(Comparison)
            sampled(lost)
            Response.objects.update(text="What the annotator read.")
        return False

    with pytest.raises(Stopped):
        sample(lost, another_was_faster)
    assert set(Response.objects.values_list("text", flat=True)) == {"What the annotator read."}
    assert Comparison.objects.get().status == Job.Status.DONE


def test_a_missing_checkpoint_is_said_without_naming_the_model(
    project: Project, models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "harbour-lost"
    shutil.copytree(CAREFUL, folder)
    lost = local_model("lost", folder)
    shutil.rmtree(folder)
    comparison = sampled(queued_comparison(project, QUESTION, (models[0], lost)))
    assert comparison.status == Job.Status.FAILED
    assert "could not be loaded" in comparison.error
    assert "lost" not in comparison.error
    assert "harbour-lost" in caplog.text


def test_a_checkpoint_that_changed_since_it_was_registered_is_refused(
    project: Project, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    ModelVersion.objects.filter(pk=models[1].pk).update(digest="0" * 64)
    comparison = sampled(queued_comparison(project, QUESTION, (models[0], ModelVersion.objects.get(pk=models[1].pk))))
    assert comparison.status == Job.Status.FAILED
    assert "changed since it was registered" in caplog.text


def test_weights_that_are_not_numbers_are_found(
    project: Project, models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "damaged"
    shutil.copytree(CAREFUL, folder)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    comparison = sampled(queued_comparison(project, QUESTION, (models[0], local_model("damaged", folder))))
    assert comparison.status == Job.Status.FAILED
    assert "not finite" in caplog.text


def test_a_conversation_that_does_not_fit_is_refused_in_words(project: Project, models: Models) -> None:
    comparison = sampled(queued_comparison(project, "Where is the bakery? " * 400, models))
    assert comparison.status == Job.Status.FAILED
    assert "too long" in comparison.error
    assert "room for 964" in comparison.error  # 1,024 positions less 60 for the answer


def test_a_prompt_that_no_template_takes_is_a_plain_error(project: Project, models: Models) -> None:
    from workers.sampling import sample

    comparison = queued_comparison(project, QUESTION, models)
    comparison.prompt.messages = [{"role": "assistant", "content": "I speak first."}]
    comparison.prompt.save()
    with pytest.raises(JobError, match="could not be sampled"):
        sample(comparison, lambda: False)
