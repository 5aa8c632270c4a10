"""Subcommands of `manage.py evaluate` that need models or the queue: as those of evaluation/terminal, a module each."""
