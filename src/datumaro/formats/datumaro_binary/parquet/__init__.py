"""The storage of DatumaroBinary in Apache Parquet: see docs/storage.md."""
