"""``datum key``: who can open an encrypted data set, and other keys for it."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command, add_group
from datumaro.cli.errors import UsageError
from datumaro.cli.exit_codes import ExitCode

_EXAMPLES = """
datum key show-recipients OUT
datum key rotate OUT --key-file old.key --new-key-file new.key
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command and those in it."""
    group = add_group(
        subparsers,
        "key",
        help="keys of encrypted data sets",
        description="Keys of data sets in DatumaroBinary whose storage is encrypted Parquet.",
        examples=_EXAMPLES,
    )
    show = add_command(
        group,
        "show-recipients",
        show_recipients,
        help="print who can open a data set: kind and id of each key",
        examples="datum key show-recipients OUT",
    )
    show.add_argument("path", metavar="PATH", help="folder of the data set")
    parser = add_command(
        group,
        "rotate",
        rotate,
        help="give a data set other keys, without writing its data anew",
        description="Give a data set other keys in place of those it has. Its data stay as they "
        "are; copies\nof it made before are still opened by the old keys.",
        examples="""
datum key rotate OUT --key-file old.key --new-key-file new.key
datum key rotate OUT --key-file old.key --new-passphrase-file words.txt
""",
    )
    parser.add_argument("path", metavar="PATH", help="folder of the data set")
    old = parser.add_argument_group("the key that it has")
    _add_ways(
        old, "", "file with the key (default: the environment variable DATUMARO_ENCRYPTION_KEY)"
    )
    new = parser.add_argument_group("the keys that it gets; each opens it")
    _add_ways(
        new, "new-", "file with the key; when there is none, a key is drawn and written to it"
    )
    new.add_argument("--new-kms-key", metavar="ID", help="the service's key")


def _add_ways(group: argparse._ArgumentGroup, prefix: str, key_file: str) -> None:  # pyright: ignore[reportPrivateUsage]
    """Add the options by which a key is given; ``key_file`` is the help of its file."""
    group.add_argument(f"--{prefix}key-file", metavar="FILE", help=key_file)
    group.add_argument(
        f"--{prefix}passphrase-file", metavar="FILE", help="file with the passphrase"
    )
    group.add_argument(f"--{prefix}kms", metavar="MODULE:NAME", help="key management service")


def show_recipients(args: argparse.Namespace) -> int:
    """Print them."""
    from datumaro.formats.datumaro_binary.parquet.rotation import recipients

    for path, found in recipients(args.path).items():
        print(path)
        for recipient in found:
            print(f"  {recipient.kind} {recipient.id}".rstrip())
    return ExitCode.OK


def rotate(args: argparse.Namespace) -> int:
    """Wrap the export key with other keys."""
    from datumaro.formats.datumaro_binary.parquet import rotation

    old = rotation.GivenKey(
        key_file=args.key_file, passphrase_file=args.passphrase_file, kms=args.kms
    )
    new = rotation.GivenKey(
        key_file=args.new_key_file, passphrase_file=args.new_passphrase_file, kms=args.new_kms
    )
    if new == rotation.GivenKey():
        raise UsageError("no new key is given: --new-key-file, --new-passphrase-file or --new-kms")
    rotation.rotate(args.path, old, new, args.new_kms_key)
    return ExitCode.OK
