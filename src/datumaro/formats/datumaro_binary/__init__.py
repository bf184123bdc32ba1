"""The `datumaro_binary` format, version 1.0. Its bytes: docs/formats/datumaro_binary.md."""
