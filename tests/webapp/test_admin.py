"""The admin is usable for every table, tells immutable rows apart, and gives nobody more than they have."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation import tallies
from annotation.models import (
    Adjudication,
    Batch,
    DatasetSnapshot,
    Demonstration,
    Dialogue,
    Draft,
    Flag,
    Gold,
    GuidelineReading,
    GuidelineVersion,
    Item,
    PoolEntry,
    Preference,
    Project,
    QualificationAttempt,
    QualificationQuestion,
    QualificationStep,
    Rating,
    RedTeamAttempt,
    Reply,
    Review,
    Skip,
    Standing,
    Tally,
)
from evaluation.models import Campaign, Iteration, Judgement, JudgeTemplate, KeptReport, Refusal, Report, Score, Stage
from modeling.registry.models import Run, RunMetric, Worker
from tests.factories import make_comparison, make_item, make_model, make_preference, make_project, make_user
from webapp.accounts.models import Identity, Invitation, User

pytestmark = pytest.mark.django_db
OURS = ("accounts", "annotation", "evaluation", "registry")
IMMUTABLE = (
    "rating", "demonstration", "redteamattempt", "reply", "preference", "comparison", "response", "review",
    "adjudication", "datasetsnapshot", "runmetric", "score", "guidelineversion", "iteration", "stage", "report",
)  # fmt: skip


def a_row_of_everything() -> None:
    """At least one row in each table, tied together as the program ties them."""
    annotator, project = make_user(), make_project()
    model = make_model()
    item = make_item(project)
    comparison = make_comparison(project, item.prompt, model_a=model, annotator=annotator)
    make_preference(comparison)
    assignment = item.assignments.get()
    Dialogue.objects.create(project=project, assignment=assignment, annotator=annotator)
    Demonstration.objects.create(assignment=assignment, prompt=item.prompt, text="So.")
    Rating.objects.create(assignment=assignment, response=comparison.response_a, points=1, scale=5)
    RedTeamAttempt.objects.create(
        assignment=assignment, model_version=model, attack_vector="other", degree=1, violating=False
    )
    Reply.objects.create(dialogue=Dialogue.objects.get(), prompt=item.prompt, response=comparison.response_a)
    GuidelineVersion.objects.create(project=project, number=1, text="Choose the better one.")
    Batch.objects.create(project=project, number=1)
    PoolEntry.objects.create(project=project, model_version=model)
    Skip.objects.create(item=make_item(project), annotator=annotator, reason="Not my subject.")
    Flag.objects.create(item=item, annotator=annotator, reason="The answer is cut off.")
    Gold.objects.create(item=item, expected={"points": [1, 2]})
    Review.objects.create(assignment=assignment, reviewer=make_user("reviewer"), verdict="approved")
    Adjudication.objects.create(item=item, reviewer=make_user("reviewer"), points=1, scale=8)
    GuidelineReading.objects.create(guideline=project.guidelines.get(), annotator=annotator)
    Standing.objects.create(project=project, annotator=annotator)
    step = QualificationStep.objects.create(project=project, number=1, title="Reading")
    QualificationQuestion.objects.create(step=step, number=1, text="Which?", answers=["a", "b"], right=[0])
    QualificationAttempt.objects.create(step=step, annotator=annotator, number=1)
    Tally.objects.create(project=project, day=timezone.localdate())
    tallies.touch_project(project)
    Draft.objects.create(project=project, annotator=annotator, fields={"prompt": "Half a sen"})
    DatasetSnapshot.objects.create(project=project, digest="d" * 64, rows=1)
    campaign = Campaign.objects.create(slug="first", name="First", project=make_project())
    Report.objects.create(campaign=campaign, number=1, as_of=timezone.now(), digest="d" * 64, snapshot=b"")
    KeptReport.objects.create(campaign=campaign, fingerprint="d" * 64)
    Score.objects.create(model_version=model, response=comparison.response_a, value=0.5)
    Refusal.objects.create(model_version=model, response=comparison.response_a, logit=0.5)
    template = JudgeTemplate.objects.create(name="first", digest="d" * 64, text="How safe?", for_pairs=False)
    Judgement.objects.create(judge=model, template=template, first=comparison.response_a, points=4)
    run = Run.objects.create(kind=Run.Kind.REWARD_MODEL, name="first")
    RunMetric.objects.create(run=run, step=1, name="loss", value=0.7)
    iteration = Iteration.objects.create(
        number=1, helpfulness_project=project, safety_project=make_project(), base=model
    )
    Stage.objects.create(iteration=iteration, name=Stage.Name.HELPFULNESS_REWARD, run=run)
    Invitation.objects.create(digest="d" * 64, role="annotator", expires_at=timezone.now(), created_by=annotator)
    Identity.objects.create(user=annotator, issuer="https://login.example.org", subject="1")
    Worker.objects.create(name="here", seen_at=timezone.now())


def our_models() -> list[type[models.Model]]:
    from django.apps import apps

    return [model for label in OURS for model in apps.get_app_config(label).get_models()]


@pytest.fixture
def superuser_client(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_every_table_of_the_project_has_its_pages() -> None:
    assert [model for model in our_models() if not admin.site.is_registered(model)] == []


def test_each_list_and_each_row_opens_and_each_search_works(superuser_client: Client) -> None:
    a_row_of_everything()
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert superuser_client.get(reverse(f"{name}_changelist")).status_code == 200, name
        if admin.site._registry[model].search_fields:
            assert superuser_client.get(reverse(f"{name}_changelist"), {"q": "first"}).status_code == 200, name
        row = model._default_manager.order_by("-pk").first()
        if model._meta.app_label in OURS:
            assert row is not None, f"no row of {name} to look at"
            assert superuser_client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200, name


def test_a_prompt_is_found_by_its_words(superuser_client: Client) -> None:
    project = make_project()
    make_item(project)
    wanted = make_item(project).prompt
    assert wanted is not None
    page = superuser_client.get(reverse("admin:annotation_prompt_changelist"), {"q": wanted.text})
    assert [row.pk for row in page.context["cl"].result_list] == [wanted.pk]


def test_immutable_rows_can_be_read_and_not_changed_even_by_a_superuser(superuser_client: Client) -> None:
    a_row_of_everything()
    for model in our_models():
        if model._meta.model_name in IMMUTABLE:
            row = model._default_manager.first()
            assert row is not None
            before = model._default_manager.filter(pk=row.pk).values().get()
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
            fields = {field.name: "1" for field in model._meta.fields}
            assert superuser_client.post(address, fields).status_code == 403, model
            assert model._default_manager.filter(pk=row.pk).values().get() == before


def test_a_project_with_judgements_is_not_deleted_with_them(superuser_client: Client) -> None:
    preference = make_preference(make_comparison(make_project()))
    project = preference.comparison.project
    superuser_client.post(reverse("admin:annotation_project_delete", args=[project.pk]), {"post": "yes"})
    assert Project.objects.filter(pk=project.pk).exists()
    assert Preference.objects.filter(pk=preference.pk).exists()
    assert Item.objects.count() == 0


def test_a_manager_of_the_staff_finds_every_room_on_the_first_page(client: Client) -> None:
    client.force_login(make_user("manager", is_staff=True))
    page = client.get(reverse("admin:index"))
    assert [app["app_label"] for app in page.context["app_list"]] == [
        "annotation",
        "evaluation",
        "registry",
        "accounts",
    ]


def person_fields(person: User, **changes: Any) -> dict[str, Any]:
    joined = timezone.now()
    fields = {
        "username": person.username,
        "first_name": "",
        "last_name": "",
        "email": "",
        "is_active": "on",
        "date_joined_0": joined.date(),
        "date_joined_1": joined.time(),
        "groups": [group.pk for group in person.groups.all()],
    }
    return fields | changes


@pytest.fixture
def manager_client(client: Client) -> Client:
    client.force_login(make_user("manager", username="mia", is_staff=True))
    return client


def test_a_manager_gives_a_role(manager_client: Client) -> None:
    from django.contrib.auth.models import Group

    person = make_user("annotator")
    reviewer = Group.objects.get(name="reviewer")
    address = reverse("admin:accounts_user_change", args=[person.pk])
    assert manager_client.post(address, person_fields(person, groups=[reviewer.pk])).status_code == 302
    assert [group.name for group in person.groups.all()] == ["reviewer"]


def test_a_manager_makes_nobody_an_owner_or_a_superuser(manager_client: Client) -> None:
    from django.contrib.auth.models import Group

    mia = User.objects.get(username="mia")
    address = reverse("admin:accounts_user_change", args=[mia.pk])
    owner = Group.objects.get(name="owner")
    refused = manager_client.post(address, person_fields(mia, is_staff="on", groups=[owner.pk]))
    assert refused.status_code == 200  # the form again, with its error
    manager_client.post(address, person_fields(mia, is_staff="on", is_superuser="on"))
    mia.refresh_from_db()
    assert not mia.is_superuser
    assert [group.name for group in mia.groups.all()] == ["manager"]


@pytest.mark.parametrize("make", [lambda: make_user("owner"), lambda: User.objects.create_superuser("root")])
@pytest.mark.parametrize("active", [True, False])
def test_a_manager_does_not_touch_the_account_of_an_owner(
    manager_client: Client, make: Callable[[], User], active: bool
) -> None:
    person = make()
    User.objects.filter(pk=person.pk).update(is_active=active)
    address = reverse("admin:accounts_user_change", args=[person.pk])
    assert manager_client.post(address, person_fields(person, email="mine@example.org")).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[person.pk])
    assert (
        manager_client.post(password, {"password1": "correct horse", "password2": "correct horse"}).status_code == 403
    )


def test_what_a_project_collects_is_not_changed_under_its_judgements(client: Client) -> None:
    project = make_project(task_type=Project.TaskType.PAIRWISE_EVALUATION)
    client.force_login(make_user("owner", is_staff=True))
    address = reverse("admin:annotation_project_change", args=[project.pk])
    form = client.get(address).context["adminform"].form
    assert not {"slug", "task_type", "dimension"} & set(form.fields)
