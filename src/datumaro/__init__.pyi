from datumaro import errors as errors
from datumaro.dataset import (
    Dataset as Dataset,
    DatasetSubset as DatasetSubset,
)
from datumaro.formats.datumaro_binary.parquet.item_reader import ItemReader as ItemReader
from datumaro.model.annotation import (
    NO_GROUP as NO_GROUP,
    Annotation as Annotation,
    Annotations as Annotations,
    AnnotationType as AnnotationType,
    Caption as Caption,
    FeatureVector as FeatureVector,
    HashKey as HashKey,
    Label as Label,
    Tabular as Tabular,
)
from datumaro.model.categories import (
    Categories as Categories,
    Colormap as Colormap,
    GroupType as GroupType,
    LabelCategories as LabelCategories,
    MaskCategories as MaskCategories,
    PointsCategories as PointsCategories,
    RgbColor as RgbColor,
    TabularCategories as TabularCategories,
)
from datumaro.model.image_annotation import (
    DepthAnnotation as DepthAnnotation,
    SuperResolutionAnnotation as SuperResolutionAnnotation,
)
from datumaro.model.item import (
    DEFAULT_SUBSET_NAME as DEFAULT_SUBSET_NAME,
    DatasetItem as DatasetItem,
)
from datumaro.model.masks import (
    BinaryMaskImage as BinaryMaskImage,
    CompiledMask as CompiledMask,
    ExtractedMask as ExtractedMask,
    IndexMaskImage as IndexMaskImage,
    Mask as Mask,
    RleMask as RleMask,
)
from datumaro.model.media import (
    Image as Image,
    MediaElement as MediaElement,
    MediaType as MediaType,
    MosaicImage as MosaicImage,
    MultiframeImage as MultiframeImage,
    PointCloud as PointCloud,
    RoIImage as RoIImage,
    Video as Video,
    VideoFrame as VideoFrame,
)
from datumaro.model.shapes import (
    Bbox as Bbox,
    Cuboid2D as Cuboid2D,
    Cuboid3d as Cuboid3d,
    Ellipse as Ellipse,
    Points as Points,
    Polygon as Polygon,
    PolyLine as PolyLine,
    RotatedBbox as RotatedBbox,
    Shape as Shape,
    Skeleton as Skeleton,
)
from datumaro.operations.summary import (
    Summary as Summary,
    summarize as summarize,
)
from datumaro.operations.transforms.of_items import (
    ItemTransform as ItemTransform,
    Transform as Transform,
)
from datumaro.progress import (
    NullProgressReporter as NullProgressReporter,
    ProgressReporter as ProgressReporter,
    SimpleProgressReporter as SimpleProgressReporter,
)
from datumaro.project.project import Project as Project

__version__: str
