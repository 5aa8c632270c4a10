"""Who may open what: every address of the dashboards, the campaigns and the API, as each role."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from annotation.models import Batch, DatasetSnapshot, PoolEntry
from evaluation.models import Campaign
from modeling.registry.models import ModelVersion, Run
from tests.factories import make_comparison, make_model, make_preference, make_project, make_prompt, make_user

pytestmark = pytest.mark.django_db
ROOMS = ("projects/", "models/", "runs/", "campaigns/", "api/v1/")
FOR_REVIEWERS = {
    "projects", "project", "comparisons", "comparison",
    "api", "api-schema", "api-project-list", "api-project-detail", "api-prompt-list", "api-prompt-detail",
    "api-comparison-list", "api-comparison-detail",
}  # fmt: skip


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each address of the rooms: its name, its pattern and the names of its parameters."""
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern).lstrip("^")
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern) and route.startswith(ROOMS):
            yield entry.name or "", route, tuple(entry.pattern.regex.groupindex)


@pytest.fixture
def addresses() -> list[tuple[str, str]]:
    """The name and a real address of every route, with a row behind each parameter."""
    from django.urls import reverse

    author = make_user()
    project = make_project(slug="here")
    project.annotators.add(author)
    comparison = make_comparison(project, make_prompt(project))
    make_preference(comparison)
    version = make_model("writer", backend=ModelVersion.Backend.LOCAL, path="/models/writer")
    campaign = Campaign.objects.create(
        slug="here", name="Here", project=make_project(task_type="pairwise_evaluation", slug="rated")
    )
    rows: dict[str, Any] = {
        "slug": "here",
        "name": "writer",
        "recipe": Run.Kind.SFT,
        "number": Batch.objects.create(project=project, number=1).number,
    }
    keys: dict[str, Any] = {
        "comparison": comparison.pk,
        "api-comparison-detail": comparison.pk,
        "api-prompt-detail": comparison.prompt_id,
        "pool-remove": PoolEntry.objects.create(project=project, model_version=version).pk,
        "annotator-remove": author.pk,
        "export-manifest": DatasetSnapshot.objects.create(project=project, digest="d" * 64, rows=1).pk,
    }
    run = Run.objects.create(kind=Run.Kind.REWARD_MODEL, name="first")
    assert campaign.slug == rows["slug"]
    found = []
    for name, _, parameters in routes(get_resolver()):
        values = {
            parameter: keys.get(name, run.pk) if parameter in ("pk", "id") else rows[parameter]
            for parameter in parameters
        }
        found.append((name, reverse(name, kwargs=values)))
    return found


def test_an_annotator_is_turned_away_everywhere(client: Client, addresses: list[tuple[str, str]]) -> None:
    client.force_login(make_user("annotator"))
    assert len(addresses) > 40
    for name, address in addresses:
        answers = {client.get(address).status_code, client.head(address).status_code, client.post(address).status_code}
        assert answers in ({403}, {403, 405}), name


def test_nobody_gets_in_without_signing_in(client: Client, addresses: list[tuple[str, str]]) -> None:
    for name, address in addresses:
        for answer in (client.get(address), client.post(address)):
            if answer.status_code == 302:
                assert answer["Location"].startswith("/sign-in/"), name
            else:
                assert answer.status_code == 401, name


def test_a_reviewer_reads_what_people_said_and_changes_nothing(
    client: Client, addresses: list[tuple[str, str]]
) -> None:
    client.force_login(make_user("reviewer"))
    for name, address in addresses:
        if name in FOR_REVIEWERS:
            assert client.get(address).status_code == 200, name
        elif name != "api-token":  # a token of one's own gives no more than one has
            answers = {client.get(address).status_code, client.post(address).status_code}
            assert answers in ({403}, {403, 405}), name


def test_a_manager_opens_every_page(client: Client, addresses: list[tuple[str, str]]) -> None:
    client.force_login(make_user("manager"))
    for name, address in addresses:
        assert client.get(address).status_code in (200, 405), name


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
