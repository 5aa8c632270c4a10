"""Addresses below /models/."""

from django.urls import path

from evaluation.reward_models import views

urlpatterns = [
    path("<slug:name>/evaluation/", views.evaluation, name="reward-model-evaluation"),
    path("<slug:name>/evaluation.json", views.evaluation_json, name="reward-model-evaluation-json"),
    path("<slug:name>/score/", views.score, name="reward-model-score"),
]
