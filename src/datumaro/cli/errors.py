"""Errors of the command line itself."""

from __future__ import annotations

from datumaro.errors import DatumaroError


class CliError(DatumaroError):
    """A command cannot do what it was asked to; the message is for the user."""


class UsageError(CliError):
    """The command line is wrong: exit code 2."""
