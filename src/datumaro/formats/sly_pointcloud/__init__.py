"""Supervisely's point clouds. See `datumaro.formats.sly_pointcloud.format`."""
