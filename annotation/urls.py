"""The annotator's workplace."""

from django.urls import path

from annotation import views

urlpatterns = [
    path("", views.work, name="work"),
    path("<slug:slug>/", views.work_project, name="work_project"),
    path("<slug:slug>/take/", views.take, name="work_take"),
    path("<slug:slug>/prompt/", views.prompt, name="work_prompt"),
    path("<slug:slug>/answers/<int:pk>/", views.answers, name="work_answers"),
    path("<slug:slug>/judge/<int:pk>/", views.judge, name="work_judge"),
    path("<slug:slug>/again/<int:pk>/", views.ask_again, name="work_ask_again"),
    path("<slug:slug>/edit/<int:pk>/", views.edit_prompt, name="work_edit_prompt"),
    path("<slug:slug>/skip/", views.skip, name="work_skip"),
    path("<slug:slug>/end/", views.end, name="work_end"),
    path("<slug:slug>/draft/", views.draft, name="work_draft"),
]
