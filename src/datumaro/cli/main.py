"""The `datum` command: runs the sub-command, and turns errors into messages and exit codes.

A sub-command is a module of `datumaro.cli.commands`, of the command's name, with two functions:
``add_parser(subparsers)`` and the ``run(args) -> int`` that it registers. ``--help`` loads all
modules, so they import what costs time (NumPy, Arrow, formats) inside ``run``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import logging
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from datumaro.cli import commands
from datumaro.cli.arguments import HelpFormatter, Parser, add_common_flags
from datumaro.cli.errors import UsageError
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.messages import error_text, shown
from datumaro.errors import DatumaroError

log = logging.getLogger("datumaro")

_EPILOG = """\
Options of a format follow after "--": `datum convert -f coco -- -h` shows them.
`datum COMMAND --help` shows a command's options, with examples.

exit codes:
  0    done
  1    the work failed; the message says why
  2    the command line is wrong, or leaves open which format is meant
  130  stopped by Ctrl-C
  143  stopped by a TERM signal
"""


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest=argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(version("datumaro"))
        except PackageNotFoundError:
            print("unknown (datumaro is not installed, it runs from its source)")
        parser.exit()


def make_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the whole command line, without what follows ``--``.

    Parameters
    ----------
    words : the command line. Where it begins with a command's name, the others are not loaded.
    """
    parser = Parser(
        prog="datum",
        description="Read, look at, and convert data sets for computer vision.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    add_common_flags(parser)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
    first = next((word for word in words if word not in ("-q", "--quiet")), "")
    for name in [first] if first in names else names:
        importlib.import_module(f"{commands.__name__}.{name}").add_parser(subparsers)
    parser.set_defaults(quiet=False, loglevel="info", run=None, format_options=[])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name) and return its exit code."""
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        parser = make_parser(words)
        args = _parse(parser, words)
        if args.run is None:
            parser.print_help()
            return ExitCode.ERROR
        level = "warning" if args.quiet and args.loglevel == "info" else args.loglevel
        with shown(level):
            return _run(args)
    except KeyboardInterrupt:
        print("datum: error: interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except SystemExit as done:
        # argparse has printed the help or what is wrong with the flags; or a TERM signal came
        return done.code if isinstance(done.code, int) else ExitCode.USAGE


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Parse; the words after the first ``--`` are left to the format."""
    end = words.index("--") if "--" in words else len(words)
    args = parser.parse_args(words[:end])
    args.format_options = words[end + 1 :]
    if end < len(words) and args.run and not args.takes_format_options:
        parser.error(f'the command {args.command} takes no format options after "--"')
    return args


def _run(args: argparse.Namespace) -> int:
    try:
        return args.run(args)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`). Python must not fail again at exit, when it
        # flushes.
        with contextlib.suppress(OSError, ValueError, io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.ERROR
    except UsageError as error:
        return _failed(error, error_text(error), ExitCode.USAGE)
    except (DatumaroError, OSError) as error:
        return _failed(error, error_text(error))
    except ImportError as error:
        return _failed(error, f"a package that is needed cannot be loaded: {error}")
    except MemoryError as error:
        return _failed(error, "the memory of this machine does not suffice")
    except Exception as error:  # noqa: BLE001 - the last resort, told as what it is
        return _failed(
            error,
            f"{type(error).__name__}: {error}. This is a bug in datumaro; please report it with "
            "what `--loglevel debug` shows",
        )


def _failed(error: BaseException, message: str, code: ExitCode = ExitCode.ERROR) -> ExitCode:
    log.error("%s", message, exc_info=error if log.isEnabledFor(logging.DEBUG) else None)
    return code


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(ExitCode.TERMINATED)


def run() -> None:
    """The entry point of the command: `main` on the process' arguments and streams."""
    signal.signal(signal.SIGTERM, _terminated)  # so that what is half-written is cleaned up
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    code = main()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.ERROR
    sys.exit(code)
