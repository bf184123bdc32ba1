"""The sub-commands, one module each (see `datumaro.cli.main`)."""
