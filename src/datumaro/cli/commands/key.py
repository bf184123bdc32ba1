"""``datum key``: a fresh key, who can open an encrypted data set, and other keys for it."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command, add_group
from datumaro.cli.errors import UsageError
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.messages import log

_EXAMPLES = """
datum key create my.key
datum key show-recipients OUT
datum key rotate OUT --key-file old.key --new-key-file new.key
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command and those in it."""
    group = add_group(
        subparsers,
        "key",
        help="keys of encrypted data sets",
        description="Keys of encrypted data sets in DatumaroBinary. rotate and show-recipients are "
        "for those\nwhose storage is Parquet.",
        examples=_EXAMPLES,
    )
    create_parser = add_command(
        group,
        "create",
        create,
        help="draw a fresh key and write it to a file",
        description="Draw a fresh key and write it to a file, which only its owner can read. What "
        "a file\nholds is never overwritten. Whoever loses the key loses the data.",
        examples="""
datum key create my.key
datum convert -i VOC -f datumaro_binary -o OUT -- --save-media --encryption --key-file my.key
datum key create --print | my-secret-store put datumaro
""",
    )
    where = create_parser.add_mutually_exclusive_group(required=True)
    where.add_argument("file", metavar="FILE", nargs="?", help="the file, which is not there yet")
    where.add_argument(
        "--print",
        action="store_true",
        dest="print_key",
        help="print the key instead, for a program that keeps secrets",
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


def create(args: argparse.Namespace) -> int:
    """Draw a key."""
    from datumaro.crypto import generate_key
    from datumaro.keys import write_key_file

    key = generate_key()
    if args.print_key:
        print(str(key))
    else:
        write_key_file(args.file, key)
        log.info("wrote a key to %s: keep a copy, and keep it from the data", args.file)
    return ExitCode.OK


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
