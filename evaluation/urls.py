"""Addresses below /campaigns/."""

from django.urls import path

from evaluation import judge_views, planning_views, report_views, views

urlpatterns = [
    path("", views.campaigns, name="campaigns"),
    path("new/", views.new_campaign, name="campaign-create"),
    path("new/plan/", planning_views.plan, name="campaign-plan"),
    path("compare/", report_views.compare_models, name="compare-models"),
    path("compare.json", report_views.compare_json, name="compare-models-json"),
    path("compare.csv", report_views.compare_csv, name="compare-models-csv"),
    path("<slug:slug>/", views.campaign, name="campaign"),
    path("<slug:slug>/progress/", views.progress, name="campaign-progress"),
    path("<slug:slug>/monitoring/", planning_views.monitoring, name="campaign-monitoring"),
    path("<slug:slug>/sample/", views.sample_again, name="campaign-sample"),
    path("<slug:slug>/judge/", views.judge, name="campaign-judge"),
    path("<slug:slug>/judges/", judge_views.judges, name="campaign-judges"),
    path("<slug:slug>/report/", report_views.report_page, name="campaign-report"),
    path("<slug:slug>/report.json", report_views.report_json, name="campaign-report-json"),
    path("<slug:slug>/report.csv", report_views.report_csv, name="campaign-report-csv"),
    path("<slug:slug>/report/publish/", report_views.publish_report, name="campaign-publish"),
    path("<slug:slug>/report/v<int:number>/", report_views.published, name="published-report"),
    path("<slug:slug>/report/v<int:number>.json", report_views.published_json, name="published-report-json"),
    path("<slug:slug>/report/v<int:number>.csv", report_views.published_csv, name="published-report-csv"),
]
