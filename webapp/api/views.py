"""The REST API under /api/v1/: lists and rows to read, prompts to add, trainings to start.

Each call needs the Django permission that the pages need. A list's filters are a fixed few, each validated; an unknown
one is an error. Errors are JSON: {"field": ["what was expected, and what came"]}.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from drf_spectacular.views import SpectacularAPIView
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission, DjangoModelPermissions, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from annotation.importing.prompts import add_prompts
from annotation.importing.prompts import read as read_prompt
from annotation.importing.rows import RowError
from annotation.models import Comparison, Project, Prompt
from evaluation.models import Campaign
from modeling.registry.models import ModelVersion, Run
from webapp.api import serializers
from webapp.dashboards.projects import with_judgement
from workers.starting import start_training


class RolePermissions(DjangoModelPermissions):
    """The Django permission on the view's rows: view to read them, add to add to them."""

    to_read = ["%(app_label)s.view_%(model_name)s"]
    perms_map = DjangoModelPermissions.perms_map | {"GET": to_read, "HEAD": to_read}


class Pages(LimitOffsetPagination):
    default_limit = 100
    max_limit = 1000


class Listing(ReadOnlyModelViewSet):
    """Rows to read, page by page."""

    permission_classes = [RolePermissions]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    pagination_class = Pages
    query_class: type[serializers.Query]
    lookups: dict[str, str] = {}
    """Which field each filter asks about, where it is not the field of its own name."""

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        if self.action != "list":
            return rows
        query = self.query_class(data=self.request.query_params.dict())
        query.is_valid(raise_exception=True)
        wanted = {name: value for name, value in query.validated_data.items() if name not in ("limit", "offset")}
        return rows.filter(**{self.lookups.get(name, name): value for name, value in wanted.items()})


def filtered_by(query: type[serializers.Query]) -> Callable[[type[Listing]], type[Listing]]:
    """Give a listing its filters, in the description of the API too."""

    def decorate(view: type[Listing]) -> type[Listing]:
        view.query_class = query
        return extend_schema_view(list=extend_schema(parameters=[query]))(view)

    return decorate


@filtered_by(serializers.ProjectQuery)
class Projects(Listing):
    """Projects and how many judgements they hold."""

    queryset = Project.objects.annotate(
        judgements=Count("comparisons__preferences", filter=Q(comparisons__preferences__current=True))
    ).order_by("slug")
    serializer_class = serializers.ProjectSerializer
    lookup_field = "slug"


@filtered_by(serializers.PromptQuery)
class Prompts(Listing):
    """Prompts with the side of the split that they are on for ever."""

    queryset = Prompt.objects.select_related("project", "batch").order_by("pk")
    serializer_class = serializers.PromptSerializer
    lookups = {"batch": "batch__number"}

    @extend_schema(request=serializers.NewPromptsSerializer, responses={201: serializers.AddedPromptsSerializer})
    def create(self, request: Request) -> Response:
        """Add prompts to a project, with a place for each annotator: all of them or, if one is wrong, none."""
        body = serializers.NewPromptsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        try:
            summary = add_prompts(
                given["project"], read_all(given["prompts"]), batch=given["batch"], author=request.user
            )
        except DjangoValidationError as error:
            raise ValidationError({"project": error.messages}) from error
        return Response(summary.figures(), status=status.HTTP_201_CREATED)


def read_all(rows: list[dict[str, Any]]) -> list[Prompt]:
    """The prompts of all rows. Raises ValidationError that names each wrong row by its index, from 0."""
    prompts: list[Prompt] = []
    errors: dict[str, list[str]] = {}
    for index, row in enumerate(rows):
        try:
            prompts.append(read_prompt(row))
        except RowError as error:
            errors[str(index)] = [str(error)]
    if errors:
        raise ValidationError({"prompts": errors})
    return prompts


@filtered_by(serializers.ComparisonQuery)
class Comparisons(Listing):
    """Comparisons with their two responses and the current judgement."""

    queryset = with_judgement(Comparison.objects.all()).order_by("pk")
    serializer_class = serializers.ComparisonSerializer
    lookups = {"batch": "batch__number", "split": "prompt__split"}

    def get_queryset(self) -> QuerySet[Any]:
        return (
            super()
            .get_queryset()
            .select_related(
                "project",
                "prompt__project",
                "prompt__batch",
                "response_a__model_version",
                "response_b__model_version",
                "response_a__prompt__project",
                "response_b__prompt__project",
            )
        )


@filtered_by(serializers.ModelQuery)
class Models(Listing):
    """Model versions with their lineage and held-out figures."""

    queryset = ModelVersion.objects.prefetch_related("parents").order_by("name")
    serializer_class = serializers.ModelVersionSerializer
    lookup_field = "name"


@filtered_by(serializers.RunQuery)
class Runs(Listing):
    """Runs with their settings, progress and closing figures."""

    queryset = Run.objects.select_related("output", "created_by").prefetch_related("inputs").order_by("-pk")
    serializer_class = serializers.RunSerializer

    @extend_schema(request=serializers.NewRunSerializer, responses={201: serializers.RunSerializer})
    def create(self, request: Request) -> Response:
        """Start a training by one of the recipes."""
        body = serializers.NewRunSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            run = start_training(body.order(), request.user)
        except DjangoValidationError as error:
            raise ValidationError({"non_field_errors": error.messages}) from error
        return Response(self.get_serializer(run).data, status=status.HTTP_201_CREATED)


@filtered_by(serializers.CampaignQuery)
class Campaigns(Listing):
    """Campaigns of pairwise evaluation."""

    queryset = Campaign.objects.select_related("project").prefetch_related("model_versions").order_by("slug")
    serializer_class = serializers.CampaignSerializer
    lookup_field = "slug"


class ReadsProjects(BasePermission):
    """Those who may look at projects; the API holds nothing for annotators."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.user.has_perm("annotation.view_project")


class Schema(SpectacularAPIView):
    """The OpenAPI description of this API."""

    permission_classes = [IsAuthenticated, ReadsProjects]
