"""Addresses below /campaigns/."""

from django.urls import path

from evaluation import judge_views, planning_views, views

urlpatterns = [
    path("", views.campaigns, name="campaigns"),
    path("new/", views.new_campaign, name="campaign-create"),
    path("new/plan/", planning_views.plan, name="campaign-plan"),
    path("<slug:slug>/", views.campaign, name="campaign"),
    path("<slug:slug>/progress/", views.progress, name="campaign-progress"),
    path("<slug:slug>/monitoring/", planning_views.monitoring, name="campaign-monitoring"),
    path("<slug:slug>/sample/", views.sample_again, name="campaign-sample"),
    path("<slug:slug>/judge/", views.judge, name="campaign-judge"),
    path("<slug:slug>/judges/", judge_views.judges, name="campaign-judges"),
    path("<slug:slug>/report/", views.report_page, name="campaign-report"),
    path("<slug:slug>/report.json", views.report_json, name="campaign-report-json"),
    path("<slug:slug>/report.csv", views.report_csv, name="campaign-report-csv"),
]
