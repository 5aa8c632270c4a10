"""The managers' pages."""

from django.urls import path

from webapp.dashboards import guidelines, iterations, project_settings, projects, registry, reviews, runs, transfers

urlpatterns = [
    path("projects/", projects.projects, name="projects"),
    path("projects/new/", projects.new_project, name="project-new"),
    path("projects/<slug:slug>/", projects.project, name="project"),
    path("projects/<slug:slug>/comparisons/", projects.comparisons, name="comparisons"),
    path("projects/<slug:slug>/comparisons/<int:pk>/", projects.comparison, name="comparison"),
    path("projects/<slug:slug>/settings/", project_settings.settings, name="project-settings"),
    path("projects/<slug:slug>/settings/guideline/", project_settings.guideline, name="project-guideline"),
    path("projects/<slug:slug>/settings/batches/", project_settings.new_batch, name="batch-new"),
    path("projects/<slug:slug>/settings/batches/<int:number>/close/", project_settings.end_batch, name="batch-close"),
    path("projects/<slug:slug>/settings/pool/", project_settings.add_to_pool, name="pool-add"),
    path("projects/<slug:slug>/settings/pool/<int:pk>/", project_settings.remove_from_pool, name="pool-remove"),
    path("projects/<slug:slug>/settings/annotators/", project_settings.add_annotators, name="annotators-add"),
    path(
        "projects/<slug:slug>/settings/annotators/<int:pk>/", project_settings.remove_annotator, name="annotator-remove"
    ),
    path("projects/<slug:slug>/settings/archive/", project_settings.archive, name="project-archive"),
    path("projects/<slug:slug>/data/", transfers.data, name="project-data"),
    path("projects/<slug:slug>/data/prompts/", transfers.upload_prompts, name="prompts-upload"),
    path("projects/<slug:slug>/data/preferences/", transfers.upload_preferences, name="preferences-upload"),
    path("projects/<slug:slug>/data/responses/", transfers.upload_responses, name="responses-upload"),
    path(
        "projects/<slug:slug>/data/demonstrations/", transfers.upload_demonstrations, name="demonstrations-upload"
    ),
    path("projects/<slug:slug>/data/fill/", transfers.fill, name="project-fill"),
    path("projects/<slug:slug>/data/export/", transfers.download, name="project-export"),
    path("projects/<slug:slug>/data/exports/<int:pk>/manifest/", transfers.manifest, name="export-manifest"),
    path("reviews/", reviews.reviews, name="reviews"),
    path("projects/<slug:slug>/reviews/", reviews.queue, name="reviews-queue"),
    path("projects/<slug:slug>/reviews/approve/", reviews.approve_unremarkable, name="reviews-approve"),
    path("projects/<slug:slug>/reviews/<int:pk>/", reviews.review, name="review"),
    path("projects/<slug:slug>/disputed/", reviews.disputed, name="disputed"),
    path("projects/<slug:slug>/disputed/<int:pk>/", reviews.adjudicate, name="adjudicate"),
    path("projects/<slug:slug>/guideline/", guidelines.guideline, name="guideline"),
    path("projects/<slug:slug>/guideline/ask-again/", guidelines.ask_again, name="guideline-ask-again"),
    path("models/", registry.models, name="models"),
    path("models/<slug:name>/", registry.model, name="model"),
    path("models/<slug:name>/stage/", registry.set_stage, name="model-stage"),
    path("models/<slug:name>/pool/", registry.to_pool, name="model-to-pool"),
    path("iterations/", iterations.iterations, name="iterations"),
    path("runs/", runs.runs, name="runs"),
    path("runs/new/", runs.new_run, name="run-new"),
    path("runs/new/<slug:recipe>/", runs.train, name="run-train"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/cancel/", runs.cancel, name="run-cancel"),
    path("runs/<int:pk>/retry/", runs.retry, name="run-retry"),
]
