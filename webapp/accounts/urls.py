"""Signing in, one's own account, and the managers' page of people."""

from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.urls import path

from webapp.accounts import own_account, people, signing_in, single_sign_on

urlpatterns = [
    path("sign-in/", signing_in.SignIn.as_view(), name="login"),
    path("sign-in/sso/", single_sign_on.begin, name="sso"),
    path("sign-in/sso/back/", single_sign_on.finish, name="sso-back"),
    path("sign-in/sso/connect/", single_sign_on.connect, name="sso-connect"),
    path("sign-out/", views.LogoutView.as_view(), name="logout"),
    path("admin/login/", signing_in.admin_sign_in, name="admin-sign-in"),
    path("join/<str:token>/", signing_in.join, name="join"),
    path("password/forgotten/", signing_in.ForgottenPassword.as_view(), name="password_reset"),
    path(
        "password/forgotten/sent/",
        login_not_required(views.PasswordResetDoneView.as_view()),
        name="password_reset_done",
    ),
    path("password/new/<uidb64>/<token>/", signing_in.NewPassword.as_view(), name="password_reset_confirm"),
    path(
        "password/new/done/",
        login_not_required(views.PasswordResetCompleteView.as_view()),
        name="password_reset_complete",
    ),
    path("account/", own_account.account, name="account"),
    path("account/password/", own_account.ChangePassword.as_view(), name="password_change"),
    path("account/sign-out-elsewhere/", own_account.sign_out_elsewhere, name="sign-out-elsewhere"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="people-invite"),
    path("people/invitations/<int:pk>/revoke/", people.revoke, name="invitation-revoke"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/role/", people.change_role, name="person-role"),
    path("people/<int:pk>/deactivate/", people.deactivate, name="person-deactivate"),
    path("people/<int:pk>/reactivate/", people.reactivate, name="person-reactivate"),
    path("people/<int:pk>/reset-link/", people.make_reset_link, name="person-reset-link"),
    path("people/<int:pk>/end-wait/", people.end_wait, name="person-end-wait"),
]
