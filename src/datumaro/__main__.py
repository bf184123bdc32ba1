"""``python -m datumaro``: the `datum` command."""

from datumaro.cli.main import run

run()
