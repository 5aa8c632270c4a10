from django.apps import AppConfig
from django.core.checks import register


class AccountsConfig(AppConfig):
    name = "webapp.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from webapp.accounts import checks
        from webapp.accounts.roles import grant_roles

        post_migrate.connect(grant_roles)
        for check in (checks.check_single_sign_on, checks.check_email, checks.check_proxies):
            register(check)
