"""Data sets at URLs: object stores, and all else that fsspec knows. See docs/remote.md."""
