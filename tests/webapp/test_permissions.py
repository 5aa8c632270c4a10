"""Who may open what: every address of the site, as each role and as nobody.

A new address belongs in one of the lists below, by its name. The tests then hold it to that for every role.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from annotation.models import Assignment, Batch, DatasetSnapshot, Flag, Gold, PoolEntry
from evaluation.models import Campaign, Score
from evaluation.reports.publishing import publish
from modeling.registry.models import ModelVersion, Run
from tests.factories import (
    make_comparison,
    make_item,
    make_judgement,
    make_model,
    make_pair,
    make_preference,
    make_project,
    make_prompt,
    make_user,
)
from webapp.accounts.inviting import invite
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db
ROLES = ("annotator", "reviewer", "manager", "owner")

# Without signing in.
EVERYONE = {
    "health", "language", "login", "admin-sign-in", "join", "sso", "sso-back", "sso-connect",
    "password_reset", "password_reset_done", "password_reset_confirm", "password_reset_complete",
}  # fmt: skip
# With any role: the start page, one's own account, the list of one's own work.
SIGNED_IN = {"home", "account", "password_change", "sign-out-elsewhere", "logout", "work"}
# The project's own annotators, and managers. For others the project does not exist.
WORKERS = {
    "work_project", "work_take", "work_prompt", "work_answers", "work_judge", "work_ask_again", "work_edit_prompt",
    "work_draw_again", "work_reword", "work_rate", "work_skip", "work_end", "work_guideline_read", "work_draft",
    "work_demonstration_prompt", "work_demonstrate", "work_demonstration_edit", "work_preview", "work_undo",
    "work_keep", "work_flag", "work_attack", "work_consent", "work_heed", "work_label", "work_reply",
    "work_mine", "work_reply_again", "work_test", "work_test_begin", "work_withdraw",
}  # fmt: skip
# Reviewers, managers, owners.
REVIEWERS = {
    "projects", "project", "batch", "annotator", "project-work", "comparisons", "comparison", "guideline",
    "quality", "qualification-step",
    "red-team", "red-team-attempts", "reviews", "reviews-queue", "reviews-approve", "review", "disputed", "adjudicate",
    "disagreements", "disagreement",
    "api", "api-token", "api-schema", "api-project-list", "api-project-detail", "api-prompt-list", "api-prompt-detail",
    "api-comparison-list", "api-comparison-detail",
}  # fmt: skip
# Managers and owners.
MANAGERS = {
    "project-new", "project-settings", "project-protocol", "project-guideline", "batch-new", "batch-close", "pool-add",
    "pool-remove", "quality-rules", "gold-add", "gold-remove", "annotator-pause", "qualification-add",
    "qualification-let-in", "question-add", "question-remove",
    "annotators-add", "annotator-remove", "project-archive", "project-data", "prompts-upload", "preferences-upload",
    "demonstrations-upload", "red-team-reask", "responses-upload", "project-fill", "project-export", "export-manifest",
    "guideline-ask-again",
    "flags", "flag-resolve",
    "models", "model", "model-stage", "model-to-pool",
    "reward-model-evaluation", "reward-model-evaluation-json", "reward-model-score",
    "iterations", "runs", "run-new", "run-train", "run", "run-cancel", "run-retry",
    "campaigns", "campaign-create", "campaign-plan", "campaign", "campaign-progress", "campaign-monitoring",
    "campaign-sample", "campaign-judge",
    "campaign-judges",
    "safety", "safety-report", "safety-report-json", "safety-report-csv",
    "campaign-report", "campaign-report-json", "campaign-report-csv", "campaign-publish",
    "published-report", "published-report-json", "published-report-csv",
    "compare-models", "compare-models-json", "compare-models-csv",
    "people", "people-invite", "invitation-revoke", "person", "person-role", "person-deactivate", "person-reactivate",
    "person-reset-link", "person-end-wait",
    "api-model-list", "api-model-detail", "api-run-list", "api-run-detail", "api-campaign-list", "api-campaign-detail",
}  # fmt: skip

WHO_MAY = {
    **dict.fromkeys(SIGNED_IN, ROLES),
    **dict.fromkeys(REVIEWERS, ("reviewer", "manager", "owner")),
    **dict.fromkeys(MANAGERS, ("manager", "owner")),
}
LISTS = "EVERYONE, SIGNED_IN, WORKERS, REVIEWERS or MANAGERS of tests/webapp/test_permissions.py"

Address = tuple[str, str]


def routes(resolver: URLResolver, prefix: str = "", space: str = "") -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each address of the site: its name, its pattern and the names of its parameters."""
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern).lstrip("^")
        if isinstance(entry, URLResolver):
            yield from routes(entry, route, f"{space}{entry.namespace}:" if entry.namespace else space)
        elif isinstance(entry, URLPattern):
            yield f"{space}{entry.name or ''}", route, tuple(entry.pattern.regex.groupindex)


def own_routes() -> list[tuple[str, str, tuple[str, ...]]]:
    """Those of our own pages and calls; the admin makes its own, see below."""
    return [found for found in routes(get_resolver()) if not found[0].startswith("admin:")]


@pytest.fixture
def addresses() -> list[Address]:
    """The name and a real address of every route, with a row behind each parameter."""
    author = make_user(username="author")
    project = make_project(slug="here")
    project.annotators.add(author)
    project.guidelines.create(number=1, text="Be fair.")
    comparison = make_comparison(project, make_prompt(project))
    make_preference(comparison)
    version = make_model("writer", backend=ModelVersion.Backend.LOCAL, path="/models/writer")
    rated = make_project(task_type="pairwise_evaluation", slug="rated")
    campaign = Campaign.objects.create(slug="here", name="Here", project=rated)
    make_judgement(make_pair(rated, version, make_model("other")), author, choice="a")
    publish(campaign)
    item = make_item(project)
    place = item.assignments.all()[0]
    Assignment.objects.filter(pk=place.pk).update(
        status=Assignment.Status.SUBMITTED, annotator=author, submitted_at=timezone.now()
    )
    invitation, token = invite(make_user("owner"), "annotator", [project])
    judge = make_model("judge", kind=ModelVersion.Kind.HELPFULNESS_REWARD)
    for response in (comparison.response_a, comparison.response_b):
        Score.objects.create(model_version=judge, response=response, value=0.5)
    rows: dict[str, Any] = {
        "slug": "here",
        "name": "writer",
        "reward_model": judge.name,
        "recipe": Run.Kind.SFT,
        "number": Batch.objects.create(project=project, number=1).number,
        "token": token,
        "uidb64": "MQ",
    }
    step = project.qualification_steps.create(number=1, title="Reading")
    question = step.questions.create(number=1, text="Which?", answers=["one", "two"], right=[0])
    run = Run.objects.create(kind=Run.Kind.REWARD_MODEL, name="first")
    keys: dict[str, Any] = {
        **dict.fromkeys(("run", "run-cancel", "run-retry", "api-run-detail"), run.pk),
        **dict.fromkeys(("comparison", "api-comparison-detail", *WORKERS), comparison.pk),
        **dict.fromkeys((name for name in MANAGERS if name.startswith("person")), author.pk),
        "api-prompt-detail": comparison.prompt_id,
        "pool-remove": PoolEntry.objects.create(project=project, model_version=version).pk,
        "annotator-remove": author.pk,
        "export-manifest": DatasetSnapshot.objects.create(project=project, digest="d" * 64, rows=1).pk,
        "invitation-revoke": invitation.pk,
        "review": place.pk,
        "flag-resolve": Flag.objects.create(item=item, annotator=author, reason="Broken.").pk,
        "adjudicate": item.pk,
        "disagreement": comparison.pk,
        **dict.fromkeys(("annotator", "annotator-pause", "qualification-let-in"), author.pk),
        "question-remove": question.pk,
        "gold-remove": Gold.objects.create(item=item, expected={"points": [1, 2]}).pk,
    }
    found = []
    for name, route, parameters in own_routes():
        if name in EVERYONE | SIGNED_IN | WORKERS | REVIEWERS | MANAGERS:  # else the next test says what to do
            values = {key: keys.get(name) if key in ("pk", "id") else rows.get(key) for key in parameters}
            missing = [key for key, value in values.items() if value is None]
            assert not missing, f"{route}: say in `rows` or `keys` of test_permissions.py what {missing} may be"
            found.append((name, reverse(name, kwargs=values)))
    return found


def asks_to_sign_in(answer: Any) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith("/sign-in/?next=")


def test_every_address_is_in_one_list() -> None:
    for name, route, _ in own_routes():
        assert name, f"The address {route} has no name: give it one in its urls.py."
        holders = sum(name in names for names in (EVERYONE, SIGNED_IN, WORKERS, REVIEWERS, MANAGERS))
        assert holders == 1, (
            f"The address {route} is in {holders} lists. Who may open it? Put its name, {name!r}, into one of {LISTS}, "
            "and let its view ask for the permission that says so."
        )


def test_nobody_gets_in_without_signing_in(client: Client, addresses: list[Address]) -> None:
    assert len(addresses) > 90
    for name, address in addresses:
        for answer in (client.get(address), client.post(address)):
            if name in EVERYONE:
                assert answer.status_code not in (401, 403), name
                assert not asks_to_sign_in(answer) or name == "admin-sign-in", name
            else:
                assert asks_to_sign_in(answer) or answer.status_code == 401, name


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_pages_and_no_others(client: Client, addresses: list[Address], role: str) -> None:
    client.force_login(make_user(role))
    for name, address in addresses:
        if name not in WHO_MAY:
            continue
        shown = client.get(address).status_code
        if role in WHO_MAY[name]:
            assert shown in (200, 302, 405), f"{role} does not open {name}"
        else:
            answers = {shown, client.head(address).status_code, client.post(address).status_code}
            assert answers in ({403}, {403, 405}), f"{role} may open {name}, or send to it: {answers}"


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_work_is_for_the_projects_own_people(client: Client, addresses: list[Address], role: str) -> None:
    work = [(name, address) for name, address in addresses if name in WORKERS]
    client.force_login(make_user(role))
    for name, address in work:
        answers = {client.get(address).status_code, client.post(address).status_code}
        assert answers in ({404}, {404, 405}), f"{name} of a project that is not theirs: {answers}"
    for person in (User.objects.get(username="author"), make_user("manager")):
        client.force_login(person)
        assert client.get("/work/here/").status_code == 200
        for name, address in work:
            assert client.get(address).status_code not in (401, 403), name


def admin_addresses() -> Iterator[Address]:
    for name, _, parameters in routes(get_resolver()):
        if name.startswith("admin:") and name not in ("admin:login", "admin:"):
            values: dict[str, Any] = dict.fromkeys(parameters, "1")
            if "app_label" in values:
                values["app_label"] = "annotation"
            yield name, reverse(name, kwargs=values)


@pytest.mark.parametrize("role", ["", *ROLES])
def test_the_admin_is_for_the_staff(client: Client, role: str) -> None:
    if role:
        client.force_login(make_user(role))
    found = list(admin_addresses())
    assert len(found) > 100
    for name, address in found:
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code == 302, name
            turned_away = answer["Location"].startswith(("/admin/login/", "/sign-in/?next="))
            assert turned_away or name == "admin:logout", f"{name}: {answer['Location']}"


@pytest.mark.parametrize("role", ROLES)
def test_staff_see_in_the_admin_what_their_role_lets_them(client: Client, role: str) -> None:
    person = make_user(role, is_staff=True)
    client.force_login(person)
    for model in admin.site._registry:
        app, name = model._meta.app_label, model._meta.model_name
        may = person.has_perm(f"{app}.view_{name}") or person.has_perm(f"{app}.change_{name}")
        assert client.get(reverse(f"admin:{app}_{name}_changelist")).status_code == (200 if may else 403), (app, name)
        if not person.has_perm(f"{app}.add_{name}"):
            assert client.post(reverse(f"admin:{app}_{name}_add")).status_code == 403, (app, name)
    if role != "owner":
        for secret in ("auth_group", "authtoken_tokenproxy"):
            assert client.get(reverse(f"admin:{secret}_changelist")).status_code == 403


def test_a_reviewer_never_reads_which_model_wrote_an_answer(client: Client) -> None:
    project = make_project()
    model = make_model("the-writer")
    PoolEntry.objects.create(project=project, model_version=model)
    comparison = make_comparison(project, model_a=model, model_b=make_model("the-other"))
    make_preference(comparison)
    client.force_login(make_user("reviewer"))
    for address in (f"/projects/{project.slug}/", f"/projects/{project.slug}/comparisons/{comparison.pk}/"):
        page = client.get(address).content.decode()
        assert "the-writer" not in page
        assert "the-other" not in page


def test_a_form_from_elsewhere_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("manager"))
    project = make_project()
    assert client.post(f"/projects/{project.slug}/settings/archive/").status_code == 403
    project.refresh_from_db()
    assert project.archived_at is None
