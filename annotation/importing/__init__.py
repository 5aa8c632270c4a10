"""Preferences and prompts from files: one module per format, all of them read into the same `Pair`.

`loading.import_file` checks every line before it stores the first one, and stores all or nothing.
"""
