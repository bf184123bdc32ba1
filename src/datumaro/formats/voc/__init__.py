"""PASCAL VOC. See `datumaro.formats.voc.format`."""
