"""Media: images, point clouds, videos; lazy, from a file, bytes or an array.

What the modules beside this one define, under one name.
"""

from datumaro.model.composite_image import MosaicImage, MultiframeImage, RoIImage
from datumaro.model.image import Image, ImageFromBytes, ImageFromFile, ImageFromNumpy, probe_size
from datumaro.model.media_element import MediaElement, MediaType
from datumaro.model.point_cloud import PointCloud, PointCloudFromBytes, PointCloudFromFile
from datumaro.model.video import Video, VideoFrame

__all__ = [
    "Image",
    "ImageFromBytes",
    "ImageFromFile",
    "ImageFromNumpy",
    "MediaElement",
    "MediaType",
    "MosaicImage",
    "MultiframeImage",
    "PointCloud",
    "PointCloudFromBytes",
    "PointCloudFromFile",
    "RoIImage",
    "Video",
    "VideoFrame",
    "probe_size",
]
