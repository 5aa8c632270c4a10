"""Subcommands of `manage.py evaluate` that need models: as those of evaluation/terminal, a module each."""
