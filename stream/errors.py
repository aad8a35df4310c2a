"""Errors that are the user's or the surroundings' to mend: one line on stderr, no traceback."""


class UsageError(Exception):
    """Something given to driftgauge is wrong. Each line of the message is one problem."""

    exit_code = 2


class Unreachable(UsageError):  # noqa: N818 - named for what it says
    """A broker or another dependency does not answer."""

    exit_code = 3
