"""Every page that a manager can open, with something on it."""

from django.utils import timezone

from annotation import gold
from annotation.models import (
    Batch,
    DatasetSnapshot,
    Flag,
    Project,
    QualificationAttempt,
    QualificationStep,
    RedTeamAttempt,
)
from evaluation.campaigns import create_campaign
from evaluation.models import Iteration, Score, Stage
from evaluation.reports.publishing import publish
from modeling.registry.models import Job, ModelVersion, Run, RunMetric, Worker
from tests.annotation.test_assigning import make_live_project
from tests.factories import (
    make_comparison,
    make_item,
    make_judgement,
    make_model,
    make_pair,
    make_preference,
    make_project,
    make_user,
    make_verdict,
)


def every_page_of_a_manager() -> dict[str, str]:
    """Rows behind every page of theirs, with broken numbers where there is a drawing; each page's address by name."""
    base = make_model("base", backend=ModelVersion.Backend.LOCAL, path="/models/base", licence="Apache-2.0")
    reward = make_model(
        "reward",
        kind=ModelVersion.Kind.HELPFULNESS_REWARD,
        backend=ModelVersion.Backend.LOCAL,
        path="/models/a-folder-with-a-long-name/reward",
        figures={"accuracy": {"n": 400, "accuracy": 0.641, "low": 0.592, "high": 0.686}},
    )
    reward.parents.add(base)
    project = make_live_project(name="Harbour", dimension=Project.Dimension.SAFETY, target=100)
    project.guidelines.create(number=1, text="Be *fair*.")
    project.annotators.add(annotator := make_user())
    batch = Batch.objects.create(project=project, number=1)
    for points in (1, 2, 8, None):
        judged = make_comparison(project, annotator=annotator, model_a=base, model_b=base, batch=batch)
        make_preference(judged, points, a_safe=True, b_safe=False, seconds=31.5)
        Score.objects.create(model_version=reward, response=judged.response_a, value=-1234.5)
        Score.objects.create(model_version=reward, response=judged.response_b, value=0.5)
    DatasetSnapshot.objects.create(project=project, digest="d" * 64, rows=2299)

    training = Run.objects.create(
        kind=Run.Kind.REWARD_MODEL,
        name="reward-1",
        status=Job.Status.RUNNING,
        progress=0.4,
        progress_note="step 4",
    )
    for step in range(1, 5):
        RunMetric.objects.create(run=training, step=step, name="loss", value=1 / step)
    failed = Run.objects.create(kind=Run.Kind.REWARD_MODEL, name="x", status=Job.Status.FAILED, error="no data")

    x, y = make_model("x-model"), make_model("y-model")
    campaign = create_campaign("spring", "Spring", [x, y], raters_per_item=3)
    raters = [make_user() for _ in range(3)]
    judge = make_model("judge", backend=ModelVersion.Backend.ENDPOINT, base_url="http://host/v1", remote_model="j")
    for given in ((1, 2, 3), (7, 7, 6), (4, 4, 4)):
        item = make_pair(campaign.project, x, y)
        make_verdict(judge, item, given[0] / 7, points=given[0])
        make_verdict(judge, item, None if given[0] == 4 else given[1] / 7, flipped=True, reply="Both are fine.")
        for rater, points in zip(raters, given, strict=True):
            make_judgement(item, rater, points)
    judging = campaign.project
    judging.annotators.add(*raters)
    gold.make_gold(item, lowest=4, highest=5, explanation="Both are *right*.")
    gold.pause(judging, raters[0], "Please call me.")
    reading = QualificationStep.objects.create(project=judging, number=1, title="Reading")
    reading.questions.create(number=1, text="Which is **right**?", answers=["one", "two"], right=[0])
    QualificationAttempt.objects.create(
        step=reading, annotator=raters[1], number=1, submitted_at=timezone.now(), score=0
    )
    Flag.objects.create(item=item, annotator=raters[2], reason="The answer is cut off.")
    tested = f"/projects/{judging.slug}/"
    place = item.assignments.first()
    assert place

    published = publish(campaign, by="a manager", note="For the release.")

    attacking = make_project(task_type=Project.TaskType.RED_TEAM, dimension=Project.Dimension.SAFETY)
    for violating in (True, False):
        attacked = make_item(attacking).assignments.get()
        attacked.status, attacked.annotator = attacked.Status.SUBMITTED, annotator
        attacked.save()
        RedTeamAttempt.objects.create(
            assignment=attacked,
            model_version=base,
            risk_categories=["hateful and harmful activities"],
            attack_vector="logic manipulation",
            degree=3,
            violating=violating,
            turns=2,
            seconds=90,
        )
    attacks = f"/projects/{attacking.slug}/red-team/"

    iteration = Iteration.objects.create(
        number=1, helpfulness_project=make_project(), safety_project=project, base=base, settings={"with_ppo": False}
    )
    rate = {"value": 0.6137, "low": 0.5511, "high": 0.6513}
    rates = dict.fromkeys(("helpfulness", "safety", "violations", "overall", "mean_helpfulness", "safe"), rate)
    versions = [{"number": n, "model": f"guide-v{n}", "reward": rates, "gold": rates} for n in range(2)]
    report = {"versions": versions, "judges": {}, "prompts": {"helpfulness": 31, "safety": 7}, "draws": 2}
    evaluated = Run.objects.create(kind=Run.Kind.POLICY_EVALUATION, name="v1", status=Job.Status.DONE, report=report)
    Stage.objects.create(iteration=iteration, name="evaluation", run=evaluated)
    Worker.objects.create(name="stand-in", seen_at=timezone.now(), queues="sampling,training")
    home = f"/projects/{project.slug}/"
    return {
        "projects": "/projects/",
        "archived projects": "/projects/?archived=1",
        "new project": "/projects/new/",
        "project": home,
        "comparisons": f"{home}comparisons/",
        "comparison": f"{home}comparisons/{judged.pk}/",
        "settings": f"{home}settings/",
        "data": f"{home}data/",
        "reviews": "/reviews/",
        "reviews of a project": f"{home}reviews/",
        "disputed": f"{home}disputed/",
        "where people and a model differ": f"{home}disagreements/",
        "a pair on which they differ": f"{home}disagreements/{judged.pk}/",
        "flags": f"{home}flags/",
        "quality": f"{home}quality/",
        "batch": f"{home}batches/{batch.number}/",
        "annotator": f"{home}annotators/{annotator.pk}/",
        "work in a project": f"{tested}work/",
        "review": f"{tested}reviews/{place.pk}/",
        "disputed items of a campaign": f"{tested}disputed/",
        "adjudication": f"{tested}disputed/{item.pk}/",
        "open flag": f"{tested}flags/",
        "quality with gold, a pause and a test": f"{tested}quality/",
        "test step": f"{tested}quality/tests/1/",
        "guideline": f"{home}guideline/",
        "red team": attacks,
        "red team's attempts": f"{attacks}attempts/",
        "models": "/models/",
        "model": "/models/reward/",
        "reward model's evaluation": "/models/reward/evaluation/",
        "runs": "/runs/",
        "new run": "/runs/new/",
        "run form": "/runs/new/reward_model/",
        "run": f"/runs/{training.pk}/",
        "failed run": f"/runs/{failed.pk}/",
        "finished run": f"/runs/{evaluated.pk}/",
        "iterations": "/iterations/",
        "campaigns": "/campaigns/",
        "new campaign": "/campaigns/new/",
        "plan of a campaign": "/campaigns/new/plan/",
        "campaign": "/campaigns/spring/",
        "judge models": "/campaigns/spring/judges/",
        "report": "/campaigns/spring/report/",
        "safety": "/safety/",
        "safety report": f"/safety/report/?project={attacking.slug}",
        "two models": "/campaigns/compare/?a=x-model&b=y-model",
        "two models to choose": "/campaigns/compare/",
        "published report": published.get_absolute_url(),
        "people": "/people/",
        "person": f"/people/{annotator.pk}/",
        "account": "/account/",
        "API": "/api/v1/",
        "nothing here": "/nothing-here/",
    }
