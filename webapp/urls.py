"""Every address of the site: each room lists its own."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from webapp import health, home

urlpatterns = [
    path("", home.home, name="home"),
    path("health/", health.health, name="health"),
    path("", include("webapp.accounts.urls")),
    path("language/", login_not_required(set_language), name="language"),
    path("admin/", admin.site.urls),
    path("work/", include("annotation.urls")),
    path("campaigns/", include("evaluation.urls")),
    path("safety/", include("evaluation.safety.urls")),
    path("models/", include("evaluation.reward_models.urls")),
    path("", include("webapp.dashboards.urls")),
    path("api/v1/", include("webapp.api.urls")),
]
