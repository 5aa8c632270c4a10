"""Addresses below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from webapp.api import views
from webapp.api.documentation import documentation, new_token

router = SimpleRouter()
router.register("projects", views.Projects, basename="api-project")
router.register("prompts", views.Prompts, basename="api-prompt")
router.register("comparisons", views.Comparisons, basename="api-comparison")
router.register("models", views.Models, basename="api-model")
router.register("runs", views.Runs, basename="api-run")
router.register("campaigns", views.Campaigns, basename="api-campaign")

urlpatterns = [
    path("", documentation, name="api"),
    path("token/", new_token, name="api-token"),
    path("schema/", views.Schema.as_view(), name="api-schema"),
    *router.urls,
]
