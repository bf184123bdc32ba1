"""The YOLO family; see docs/formats/yolo.md."""
