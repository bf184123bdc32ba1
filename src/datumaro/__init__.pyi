from datumaro import errors as errors
from datumaro.dataset import (
    Dataset as Dataset,
)
from datumaro.dataset import (
    DatasetSubset as DatasetSubset,
)
from datumaro.model.annotation import (
    NO_GROUP as NO_GROUP,
)
from datumaro.model.annotation import (
    Annotation as Annotation,
)
from datumaro.model.annotation import (
    Annotations as Annotations,
)
from datumaro.model.annotation import (
    AnnotationType as AnnotationType,
)
from datumaro.model.annotation import (
    Caption as Caption,
)
from datumaro.model.annotation import (
    FeatureVector as FeatureVector,
)
from datumaro.model.annotation import (
    HashKey as HashKey,
)
from datumaro.model.annotation import (
    Label as Label,
)
from datumaro.model.annotation import (
    Tabular as Tabular,
)
from datumaro.model.categories import (
    Categories as Categories,
)
from datumaro.model.categories import (
    Colormap as Colormap,
)
from datumaro.model.categories import (
    GroupType as GroupType,
)
from datumaro.model.categories import (
    LabelCategories as LabelCategories,
)
from datumaro.model.categories import (
    MaskCategories as MaskCategories,
)
from datumaro.model.categories import (
    PointsCategories as PointsCategories,
)
from datumaro.model.categories import (
    RgbColor as RgbColor,
)
from datumaro.model.categories import (
    TabularCategories as TabularCategories,
)
from datumaro.model.image_annotation import (
    DepthAnnotation as DepthAnnotation,
)
from datumaro.model.image_annotation import (
    SuperResolutionAnnotation as SuperResolutionAnnotation,
)
from datumaro.model.item import (
    DEFAULT_SUBSET_NAME as DEFAULT_SUBSET_NAME,
)
from datumaro.model.item import (
    DatasetItem as DatasetItem,
)
from datumaro.model.masks import (
    BinaryMaskImage as BinaryMaskImage,
)
from datumaro.model.masks import (
    CompiledMask as CompiledMask,
)
from datumaro.model.masks import (
    ExtractedMask as ExtractedMask,
)
from datumaro.model.masks import (
    IndexMaskImage as IndexMaskImage,
)
from datumaro.model.masks import (
    Mask as Mask,
)
from datumaro.model.masks import (
    RleMask as RleMask,
)
from datumaro.model.media import (
    Image as Image,
)
from datumaro.model.media import (
    MediaElement as MediaElement,
)
from datumaro.model.media import (
    MediaType as MediaType,
)
from datumaro.model.media import (
    MosaicImage as MosaicImage,
)
from datumaro.model.media import (
    MultiframeImage as MultiframeImage,
)
from datumaro.model.media import (
    PointCloud as PointCloud,
)
from datumaro.model.media import (
    RoIImage as RoIImage,
)
from datumaro.model.media import (
    Video as Video,
)
from datumaro.model.media import (
    VideoFrame as VideoFrame,
)
from datumaro.model.shapes import (
    Bbox as Bbox,
)
from datumaro.model.shapes import (
    Cuboid2D as Cuboid2D,
)
from datumaro.model.shapes import (
    Cuboid3d as Cuboid3d,
)
from datumaro.model.shapes import (
    Ellipse as Ellipse,
)
from datumaro.model.shapes import (
    Points as Points,
)
from datumaro.model.shapes import (
    Polygon as Polygon,
)
from datumaro.model.shapes import (
    PolyLine as PolyLine,
)
from datumaro.model.shapes import (
    RotatedBbox as RotatedBbox,
)
from datumaro.model.shapes import (
    Shape as Shape,
)
from datumaro.model.shapes import (
    Skeleton as Skeleton,
)
from datumaro.progress import (
    NullProgressReporter as NullProgressReporter,
)
from datumaro.progress import (
    ProgressReporter as ProgressReporter,
)
from datumaro.progress import (
    SimpleProgressReporter as SimpleProgressReporter,
)

__version__: str
