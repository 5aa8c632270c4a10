"""Addresses below /models/."""

from django.urls import path

from evaluation.reward_models import views

urlpatterns = [
    path("<slug:reward_model>/evaluation/", views.evaluation, name="reward-model-evaluation"),
    path("<slug:reward_model>/evaluation.json", views.evaluation_json, name="reward-model-evaluation-json"),
    path("<slug:reward_model>/score/", views.score, name="reward-model-score"),
]
