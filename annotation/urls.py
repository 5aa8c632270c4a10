"""The annotator's workplace."""

from django.urls import path

from annotation.views import (
    demonstrating,
    dialogues,
    guidelines,
    looking_back,
    rating,
    red_teaming,
    standing,
    working,
)

urlpatterns = [
    path("", working.work, name="work"),
    path("<slug:slug>/", working.work_project, name="work_project"),
    path("<slug:slug>/mine/", looking_back.own_work, name="work_mine"),
    path("<slug:slug>/take/", working.take, name="work_take"),
    path("<slug:slug>/prompt/", dialogues.prompt, name="work_prompt"),
    path("<slug:slug>/answers/<int:pk>/", dialogues.answers, name="work_answers"),
    path("<slug:slug>/judge/<int:pk>/", dialogues.judge, name="work_judge"),
    path("<slug:slug>/again/<int:pk>/", dialogues.ask_again, name="work_ask_again"),
    path("<slug:slug>/edit/<int:pk>/", dialogues.edit_prompt, name="work_edit_prompt"),
    path("<slug:slug>/draw/<int:pk>/", dialogues.draw_again, name="work_draw_again"),
    path("<slug:slug>/reword/<int:pk>/", dialogues.reword, name="work_reword"),
    path("<slug:slug>/demonstration/", demonstrating.prompt, name="work_demonstration_prompt"),
    path("<slug:slug>/demonstration/<int:pk>/", demonstrating.demonstrate, name="work_demonstrate"),
    path("<slug:slug>/demonstration/<int:pk>/edit/", demonstrating.edit_prompt, name="work_demonstration_edit"),
    path("<slug:slug>/preview/", demonstrating.preview, name="work_preview"),
    path("<slug:slug>/attack/", red_teaming.attack, name="work_attack"),
    path("<slug:slug>/reply/<int:pk>/", red_teaming.reply, name="work_reply"),
    path("<slug:slug>/reply/<int:pk>/again/", red_teaming.ask_again, name="work_reply_again"),
    path("<slug:slug>/label/<int:pk>/", red_teaming.label, name="work_label"),
    path("<slug:slug>/rate/<int:pk>/", rating.rate, name="work_rate"),
    path("<slug:slug>/skip/", working.skip, name="work_skip"),
    path("<slug:slug>/end/", working.end, name="work_end"),
    path("<slug:slug>/guideline/<int:number>/read/", guidelines.read, name="work_guideline_read"),
    path("<slug:slug>/undo/<int:pk>/", working.undo, name="work_undo"),
    path("<slug:slug>/keep/", working.keep, name="work_keep"),
    path("<slug:slug>/flag/", working.flag, name="work_flag"),
    path("<slug:slug>/consent/", standing.consent, name="work_consent"),
    path("<slug:slug>/consent/withdraw/", standing.withdraw, name="work_withdraw"),
    path("<slug:slug>/warning/read/", standing.heed, name="work_heed"),
    path("<slug:slug>/tests/<int:number>/", standing.test, name="work_test"),
    path("<slug:slug>/tests/<int:number>/begin/", standing.begin, name="work_test_begin"),
    path("<slug:slug>/draft/", working.draft, name="work_draft"),
]
