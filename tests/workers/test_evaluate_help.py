"""manage.py evaluate --help and each subcommand's: a per cent sign in a docstring must not break them."""

import pytest
from django.core.management import get_commands, load_command_class

from workers.management.commands.evaluate import SUBCOMMANDS


def test_help_names_every_subcommand_and_each_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    command = load_command_class(get_commands()["evaluate"], "evaluate")
    told = command.create_parser("manage.py", "evaluate").format_help()
    for module in SUBCOMMANDS:
        assert f"\n    {module.NAME} " in f"{told} "
        with pytest.raises(SystemExit):
            command.create_parser("manage.py", "evaluate").parse_args([module.NAME, "--help"])
        assert (module.__doc__ or "").splitlines()[0][:40] in capsys.readouterr().out
