"""Segment Anything's data set: a file of masks beside each image."""
