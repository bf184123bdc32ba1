"""KITTI. See `datumaro.formats.kitti.format`."""
