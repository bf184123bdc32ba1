"""KITTI raw data. See `datumaro.formats.kitti_raw.format`."""
