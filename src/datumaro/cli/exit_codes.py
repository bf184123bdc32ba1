"""What the `datum` command returns to the shell."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes."""

    OK = 0
    ERROR = 1
    """The work failed: the message on standard error says why and what to do."""
    USAGE = 2
    """The command line is wrong, or leaves open which format is meant."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C; nothing half-written is left."""
    TERMINATED = 143
    """Stopped by a TERM signal; nothing half-written is left."""
