"""The `datumaro` format: Datumaro's own data sets as JSON, a file for each subset."""
