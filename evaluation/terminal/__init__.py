"""The subcommands of `manage.py evaluate`, a module each.

A module has a docstring whose first line is the help, a NAME, `add_arguments(parser)`, and `evaluate(options)`, which
returns what there is to tell and raises CommandError for what a person can mend.
"""
