"""Messages on standard error, and text that is safe to show."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from datumaro.keys import redacted

log = logging.getLogger("datumaro")


def printable(text: str) -> str:
    """``text`` on one line, its control characters escaped: names in data sets may hold any."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on standard output."""
    for line in lines:
        print(printable(line))


class _Handler(logging.Handler):
    """Writes to what standard error is at the moment: a progress bar puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            for line in self.format(record).split("\n"):
                print(printable(redacted(line)), file=sys.stderr, flush=True)
        except OSError:
            self.handleError(record)


class _Formatter(logging.Formatter):
    """``datum: warning: text``; information is told without a prefix, debugging with the time."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.levelno == logging.INFO:
            return text
        if record.levelno < logging.INFO:
            return f"{self.formatTime(record)} {text}"
        return f"datum: {record.levelname.lower()}: {text}"


@contextmanager
def shown(level: str) -> Generator[None]:
    """Show the package's messages and Python's warnings from ``level`` on while inside."""
    handler = _Handler()
    handler.setFormatter(_Formatter())
    loggers = (log, logging.getLogger("py.warnings"))
    before = [logger.level for logger in loggers]
    logging.captureWarnings(True)
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level.upper())
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for logger, old in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(old)


def error_text(error: BaseException) -> str:
    """One line that tells a user what an expected error is about."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
