"""MS COCO's annotation files: https://cocodataset.org/#format-data."""
