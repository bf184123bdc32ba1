"""The list of formats: ours by name, others by the entry point group ``datumaro.formats``."""

from __future__ import annotations

import importlib
from functools import cache

from datumaro.errors import UnknownFormatError
from datumaro.formats.base import Folder, Format
from datumaro.formats.entry_points import entry_points

# name: (module, class). A module is imported when its format is asked for.
_BUILTIN: dict[str, tuple[str, str]] = {
    "align_celeba": ("datumaro.formats.celeba", "AlignCeleba"),
    "camvid": ("datumaro.formats.camvid", "Camvid"),
    "celeba": ("datumaro.formats.celeba", "Celeba"),
    "cifar": ("datumaro.formats.cifar", "Cifar"),
    "cityscapes": ("datumaro.formats.cityscapes", "Cityscapes"),
    "coco": ("datumaro.formats.coco.format", "Coco"),
    "coco_instances": ("datumaro.formats.coco.format", "CocoInstances"),
    "coco_person_keypoints": ("datumaro.formats.coco.format", "CocoPersonKeypoints"),
    "coco_captions": ("datumaro.formats.coco.format", "CocoCaptions"),
    "coco_labels": ("datumaro.formats.coco.format", "CocoLabels"),
    "coco_image_info": ("datumaro.formats.coco.format", "CocoImageInfo"),
    "coco_panoptic": ("datumaro.formats.coco.format", "CocoPanoptic"),
    "coco_stuff": ("datumaro.formats.coco.format", "CocoStuff"),
    "mmdet_coco": ("datumaro.formats.coco.format", "MmdetCoco"),
    "roboflow_coco": ("datumaro.formats.coco.format", "RoboflowCoco"),
    "cvat": ("datumaro.formats.cvat.format", "Cvat"),
    "datumaro": ("datumaro.formats.datumaro_json.format", "DatumaroJson"),
    "datumaro_binary": ("datumaro.formats.datumaro_binary.format", "DatumaroBinary"),
    "dota": ("datumaro.formats.dota", "Dota"),
    "icdar_text_localization": (
        "datumaro.formats.icdar.text_localization",
        "IcdarTextLocalization",
    ),
    "icdar_text_segmentation": (
        "datumaro.formats.icdar.text_segmentation",
        "IcdarTextSegmentation",
    ),
    "icdar_word_recognition": ("datumaro.formats.icdar.word_recognition", "IcdarWordRecognition"),
    "image_dir": ("datumaro.formats.image_dir", "ImageDir"),
    "image_zip": ("datumaro.formats.image_zip", "ImageZip"),
    "roboflow_create_ml": ("datumaro.formats.roboflow.create_ml", "RoboflowCreateMl"),
    "roboflow_multiclass": ("datumaro.formats.roboflow.multiclass", "RoboflowMulticlass"),
    "roboflow_voc": ("datumaro.formats.voc.roboflow", "RoboflowVoc"),
    "roboflow_tfrecord": ("datumaro.formats.roboflow.tfrecord", "RoboflowTfrecord"),
    "roboflow_yolo": ("datumaro.formats.yolo.roboflow", "RoboflowYolo"),
    "roboflow_yolo_obb": ("datumaro.formats.yolo.roboflow", "RoboflowYoloObb"),
    "imagenet": ("datumaro.formats.imagenet", "Imagenet"),
    "imagenet_txt": ("datumaro.formats.imagenet_txt", "ImagenetTxt"),
    "imagenet_with_subset_dirs": ("datumaro.formats.imagenet", "ImagenetWithSubsetDirs"),
    "kitti": ("datumaro.formats.kitti.format", "Kitti"),
    "kitti_detection": ("datumaro.formats.kitti.format", "KittiDetection"),
    "kitti_segmentation": ("datumaro.formats.kitti.format", "KittiSegmentation"),
    "lfw": ("datumaro.formats.lfw", "Lfw"),
    "mapillary_vistas": ("datumaro.formats.mapillary_vistas.format", "MapillaryVistas"),
    "mapillary_vistas_instances": (
        "datumaro.formats.mapillary_vistas.format",
        "MapillaryVistasInstances",
    ),
    "mapillary_vistas_panoptic": (
        "datumaro.formats.mapillary_vistas.format",
        "MapillaryVistasPanoptic",
    ),
    "market1501": ("datumaro.formats.market1501", "Market1501"),
    "mnist": ("datumaro.formats.mnist", "Mnist"),
    "mnist_csv": ("datumaro.formats.mnist_csv", "MnistCsv"),
    "mot_seq": ("datumaro.formats.mot.sequence", "MotSeq"),
    "mot_seq_gt": ("datumaro.formats.mot.sequence", "MotSeqGt"),
    "mots": ("datumaro.formats.mot.mots", "Mots"),
    "mots_png": ("datumaro.formats.mot.mots", "MotsPng"),
    "kitti3d": ("datumaro.formats.kitti3d", "Kitti3d"),
    "kitti_raw": ("datumaro.formats.kitti_raw.format", "KittiRaw"),
    "label_me": ("datumaro.formats.label_me.format", "LabelMe"),
    "labelme_json": ("datumaro.formats.labelme_json.format", "LabelMeJson"),
    "open_images": ("datumaro.formats.open_images.format", "OpenImages"),
    "sly_pointcloud": ("datumaro.formats.sly_pointcloud.format", "SlyPointcloud"),
    "vgg_face2": ("datumaro.formats.vgg_face2", "VggFace2"),
    "tf_detection_api": ("datumaro.formats.tfrecord.tf_detection_api", "TfDetectionApi"),
    "video_frames": ("datumaro.formats.video_frames", "VideoFrames"),
    "segment_anything": ("datumaro.formats.segment_anything.format", "SegmentAnything"),
    "voc": ("datumaro.formats.voc.format", "Voc"),
    "voc_classification": ("datumaro.formats.voc.format", "VocClassification"),
    "voc_detection": ("datumaro.formats.voc.format", "VocDetection"),
    "voc_segmentation": ("datumaro.formats.voc.format", "VocSegmentation"),
    "voc_instance_segmentation": ("datumaro.formats.voc.format", "VocInstanceSegmentation"),
    "voc_layout": ("datumaro.formats.voc.format", "VocLayout"),
    "voc_action": ("datumaro.formats.voc.format", "VocAction"),
    "wider_face": ("datumaro.formats.wider_face", "WiderFace"),
    "yolo": ("datumaro.formats.yolo.format", "Yolo"),
    "yolo_loose": ("datumaro.formats.yolo.format", "YoloLoose"),
    "yolo_strict": ("datumaro.formats.yolo.format", "YoloStrict"),
    "yolo_ultralytics": ("datumaro.formats.yolo.format", "YoloUltralytics"),
    "yolo_ultralytics_classification": (
        "datumaro.formats.yolo.classification",
        "YoloUltralyticsClassification",
    ),
    "yolo_ultralytics_obb": ("datumaro.formats.yolo.format", "YoloUltralyticsObb"),
    "yolo_ultralytics_pose": ("datumaro.formats.yolo.format", "YoloUltralyticsPose"),
    "yolo_ultralytics_segmentation": (
        "datumaro.formats.yolo.format",
        "YoloUltralyticsSegmentation",
    ),
}


# Whose files begin with a signature: `Format.is_unmistakable` may be true.
_SIGNED = ("datumaro_binary",)


def unmistakable(folder: Folder) -> str | None:
    """The format that alone can be that of ``folder``; None where all must be asked.

    Where a third party has formats, all are asked.
    """
    known = names()
    if len(known) > len(_BUILTIN):
        return None
    signed = (name for name in _SIGNED if name in known)
    return next((name for name in signed if get(name).is_unmistakable(folder)), None)


def own_names() -> list[str]:
    """The names of this package's formats, sorted."""
    return sorted(_BUILTIN)


def names() -> list[str]:
    """The names of all formats, sorted."""
    return sorted(_BUILTIN.keys() | entry_points().keys())


@cache
def get(name: str) -> Format:
    """The format of that name.

    Raises
    ------
    UnknownFormatError
        There is none; the message lists names alike, or all.
    """
    if name in _BUILTIN:
        module, kind = _BUILTIN[name]
        return getattr(importlib.import_module(module), kind)()
    if name in entry_points():
        return entry_points()[name].load()()
    from difflib import get_close_matches

    alike = get_close_matches(name, names(), n=3)
    hint = f"did you mean {' or '.join(alike)}?" if alike else f"known: {', '.join(names())}"
    raise UnknownFormatError(f"no format {name!r}; {hint}")


def load_all() -> tuple[dict[str, Format], dict[str, Exception]]:
    """(All formats that can be loaded, why others cannot), both by name.

    A third party's format whose package is missing stops no other.
    """
    formats: dict[str, Format] = {}
    errors: dict[str, Exception] = {}
    for name in names():
        try:
            formats[name] = get(name)
        except (ImportError, AttributeError) as error:  # the latter: an entry point to nothing
            errors[name] = error
    return formats, errors


def readable() -> list[str]:
    """Names of the formats that can be imported."""
    return [name for name in names() if get(name).reads]


def writable() -> list[str]:
    """Names of the formats that can be exported."""
    return [name for name in names() if get(name).writes]
