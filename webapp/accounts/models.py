"""The people of an installation."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person who signs in. What they may do comes from their groups, one per role (webapp.accounts.roles)."""
