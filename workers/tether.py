"""Run a command that ends when its parent does: `python -m workers.tether PARENT_PID COMMAND ...`, or with `parent` for
whichever process it is that starts it.

The kernel kills the command when the process that started it ends in any way, kill -9 included (Linux alone; elsewhere
the command just runs). The setting is made in the child before it becomes the command, because code between fork and
exec of a process with threads is not safe.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered(command: list[str]) -> list[str]:
    """The command that runs `command` for as long as this process lives; start it in the project's folder."""
    return [sys.executable, "-m", "workers.tether", str(os.getpid()), *command]


def tethered_to_its_parent(command: list[str]) -> list[str]:
    """The command that runs `command` for as long as the process lives that starts it, which may be another one."""
    return [sys.executable, "-m", "workers.tether", "parent", *command]


def main(arguments: list[str]) -> None:
    parent = os.getppid() if arguments[0] == "parent" else int(arguments[0])
    command = arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the setting was made
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the commands are this project's own


if __name__ == "__main__":
    main(sys.argv[1:])
