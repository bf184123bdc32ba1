"""Transforms of data sets: one module for each idea. See docs/transforms.md."""
