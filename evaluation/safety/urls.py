"""Addresses below /safety/."""

from django.urls import path

from evaluation.safety import views

urlpatterns = [
    path("", views.safety, name="safety"),
    path("report/", views.report_page, name="safety-report"),
    path("report.json", views.report_json, name="safety-report-json"),
    path("report.csv", views.report_csv, name="safety-report-csv"),
]
