"""What is written, in which formats, and which real samples are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NATIVE = ("datumaro", "datumaro_binary")

# of encrypted cases: any key will do
KEY = "datum-dGhpcnR5LXR3byBieXRlcywgYXMgZ29vZCBhcyBhbnk="


@dataclass(frozen=True)
class Case:
    """A sample data set (`samples.BUILDERS`), written in a format.

    ``read_as`` is the format that reads what was written, if it is another.
    """

    sample: str
    format: str
    save_media: bool
    encrypted: bool = False
    read_as: str = ""
    meta: bool = False  # with dataset_meta.json
    masks: bool = False  # with masks, where they are an option
    unwritten_by: tuple[str, ...] = ()  # versions that fail to write it, though they have a writer

    @property
    def name(self) -> str:
        """Unique, and fit for a folder."""
        media = "media" if self.save_media else "bare"
        more = "-encrypted" * self.encrypted + "-meta" * self.meta + "-masks" * self.masks
        return f"{self.sample}-{self.format}-{media}{more}"

    def write_options(self, version: str, *, ours: bool) -> dict[str, Any]:
        """Options of the export, for files that the published ``version`` can read."""
        options: dict[str, Any] = {"save_media": self.save_media}
        if ours and self.format == "datumaro_binary":
            options["compatible_with"] = version.rpartition(".")[0]
        if self.meta:
            options["save_dataset_meta"] = True
        if self.masks:
            options["save_masks"] = True
        return options | self._key()

    def _key(self) -> dict[str, Any]:
        return {"encryption_key": KEY} if self.encrypted else {}

    def read_options(self, version: str, *, ours: bool) -> dict[str, Any]:
        """Options of the import: media outside the data set's folder must be allowed."""
        confined = ours or version != "1.10.0"
        if confined and self.format in NATIVE and not self.save_media:
            return {"allow_external_media": True} | self._key()
        return self._key()


NATIVE_CASES = [
    Case(sample, name, save_media)
    for sample in ("images", "point_clouds", "videos", "video_frames", "no_media", "mixed")
    for name in NATIVE
    for save_media in (False, True)
]

ARRAY_CASES = [
    Case("arrays", "datumaro", False),  # (their binary reader refuses such items)
    Case("arrays", "datumaro", True),
    Case("arrays", "datumaro_binary", True),
]

# Versions from 1.12 on read and write none.
ENCRYPTED_CASES = [
    Case(sample, "datumaro_binary", save_media, encrypted=True)
    for sample in ("images", "point_clouds", "videos", "mixed")
    for save_media in (False, True)
]

COCO_CASES = [
    Case("coco", name, save_media)
    for name in (
        "coco",
        "coco_instances",
        "coco_person_keypoints",
        "coco_captions",
        "coco_labels",
        "coco_image_info",
        "coco_stuff",
    )
    for save_media in (False, True)
] + [Case("panoptic", "coco_panoptic", save_media) for save_media in (False, True)]


VOC_CASES = [
    Case(sample, name, save_media)
    for sample, name in (
        ("voc", "voc"),
        ("voc", "voc_classification"),
        ("voc", "voc_detection"),
        ("voc", "voc_segmentation"),
        ("voc", "voc_instance_segmentation"),
        ("voc_people", "voc"),
        ("voc_people", "voc_layout"),
        ("voc_people", "voc_action"),
    )
    for save_media in (False, True)
]

META_CASES = [
    Case("coco", "coco_instances", False, meta=True),
    Case("voc", "voc", False, meta=True),
]

MASK_CASES = [Case("street", "camvid", save_media) for save_media in (False, True)] + [
    Case(sample, name, save_media)
    for sample, name in (
        ("boxes", "kitti_detection"),
        ("boxes_of_a_subset", "kitti"),  # (of several they read one)
    )
    for save_media in (False, True)
]

# 1.10 cannot write index masks with a Pillow of today
INDEX_MASK_CASES = [
    Case("street", name, save_media=True, unwritten_by=("1.10.0",))
    for name in ("cityscapes", "kitti_segmentation", "kitti")
]

YOLO_CASES = [
    # (they need the images: without them no size is known, and their own files cannot be read)
    Case("yolo", "yolo", True),
    Case("yolo_flat", "yolo_ultralytics", True, read_as="yolo"),
]

IMAGE_DIR_CASES = [Case("plain_images", name, True) for name in ("image_dir", "image_zip")]

IMAGENET_CASES = [
    Case("folders_of_labels", "imagenet", True),
    Case("folders_of_labels", "imagenet_with_subset_dirs", True),
    *(Case("listed_labels", "imagenet_txt", save_media) for save_media in (False, True)),
]

OPEN_IMAGES_CASES = [Case("open_images", "open_images", save_media) for save_media in (False, True)]

TRACK_CASES = [
    Case(sample, name, save_media, read_as=reader)
    for sample, name, reader in (
        ("tracked", "mot_seq_gt", "mot_seq"),
        ("tracked_masks", "mots_png", "mots"),
    )
    for save_media in (False, True)
]

# (without the images their own files cannot be read)
DOTA_CASES = [Case("turned_boxes", "dota", True)]

PIXEL_CASES = [
    Case(sample, name, save_media)
    for sample, name in (
        ("small_images", "mnist"),
        ("small_images", "mnist_csv"),
        ("small_color_images", "cifar"),
    )
    for save_media in (False, True)
]
CLOUD_CASES = [
    Case(sample, name, save_media)
    for sample, name in (
        ("tracks", "kitti_raw"),
        ("tracks", "sly_pointcloud"),
        ("tracks_in_subsets", "sly_pointcloud"),
    )
    for save_media in (False, True)
]
# (they cannot read a file whose images are not there)
CVAT_CASES = [Case("cvat_shapes", "cvat", True)]

SEGMENT_ANYTHING_CASES = [Case("anything", "segment_anything", True)]

WIDER_FACE_CASES = [Case("wide_faces", "wider_face", save_media) for save_media in (False, True)]

ICDAR_CASES = [
    Case(sample, f"icdar_{name}", save_media)
    for sample, name in (
        ("words", "word_recognition"),
        ("word_shapes", "text_localization"),
        ("characters", "text_segmentation"),
    )
    for save_media in (False, True)
]

LABEL_ME_CASES = [Case("outlines", "label_me", save_media) for save_media in (False, True)]

PEOPLE_CASES = [
    Case(sample, name, save_media)
    for sample, name in (("faces", "vgg_face2"), ("pairs", "lfw"), ("people", "market1501"))
    for save_media in (False, True)
]

TENSORFLOW_CASES = [
    *(Case("detected", "tf_detection_api", save_media) for save_media in (False, True)),
    *(
        Case("detected_masks", "tf_detection_api", save_media, masks=True)
        for save_media in (False, True)
    ),
]
# (they write files that they cannot read)
TENSORFLOW_PARTLY_CASES = [Case("detected_partly", "tf_detection_api", True, masks=True)]
# (they cannot write Roboflow's layouts)
TENSORFLOW_READ_BY_THEM_CASES = [
    *(Case("yolo", "roboflow_tfrecord", save_media) for save_media in (False, True)),
    Case("detected_masks", "roboflow_tfrecord", True, masks=True),
]

# written by us alone: the published package cannot build or write them
BEYOND_CASES = [Case("beyond", name, save_media=False) for name in NATIVE]
# formats that the published package only reads
READ_BY_THEM_CASES = [
    Case("coco", "mmdet_coco", save_media=True),
    Case("coco", "roboflow_coco", save_media=True),
    Case("yolo_flat", "roboflow_yolo", save_media=True),
    Case("yolo_flat", "roboflow_create_ml", save_media=True),
    Case("flags", "roboflow_multiclass", save_media=True),
    Case("objects_in_space", "kitti3d", save_media=True),
    Case("voc_boxes", "roboflow_voc", save_media=True),
    Case("turned_boxes", "roboflow_yolo_obb", save_media=True),
    Case("street", "mapillary_vistas_instances", save_media=True),
    Case("panoptic", "mapillary_vistas_panoptic", save_media=True),
    # (of files of both kinds, they read the one or the other, as it happens)
    Case("street", "mapillary_vistas", save_media=True, read_as="mapillary_vistas_instances"),
    Case("panoptic", "mapillary_vistas", save_media=True, read_as="mapillary_vistas_panoptic"),
    *(
        Case(sample, name, save_media=True)
        for sample in ("identities", "named_identities")
        for name in ("celeba", "align_celeba")
    ),
]
OURS_ALONE_CASES = BEYOND_CASES + READ_BY_THEM_CASES
BEYOND = ("rotated_bbox", "skeleton", "tabular")

# of formats that do not hold all that a data set has
CONVERTED_CASES = (
    COCO_CASES
    + VOC_CASES
    + META_CASES
    + MASK_CASES
    + INDEX_MASK_CASES
    + IMAGE_DIR_CASES
    + YOLO_CASES
    + IMAGENET_CASES
    + OPEN_IMAGES_CASES
    + TRACK_CASES
    + DOTA_CASES
    + PIXEL_CASES
    + CLOUD_CASES
    + CVAT_CASES
    + LABEL_ME_CASES
    + PEOPLE_CASES
    + ICDAR_CASES
    + WIDER_FACE_CASES
    + SEGMENT_ANYTHING_CASES
)

CASES = NATIVE_CASES + ARRAY_CASES + ENCRYPTED_CASES + CONVERTED_CASES


@dataclass(frozen=True)
class Sample:
    """A real data set in `shared/data/formats`, beside the checkout.

    ``theirs`` is what the published package calls the format, if it is another name.
    """

    folder: str
    format: str
    theirs: str = ""
    options: dict[str, Any] = field(default_factory=dict[str, Any], hash=False)

    @property
    def name(self) -> str:
        """Unique."""
        return "-".join([self.folder, self.format, *map(str, self.options.values())])

    def path(self) -> Path | None:
        """Where it lies; None when it is not there."""
        for parent in Path(__file__).resolve().parents:
            path = parent / "shared" / "data" / "formats" / self.folder
            if path.exists():
                return path
        return None


SAMPLES = [
    *(
        Sample(f"coco_dataset/{name}", name)
        for name in (
            "coco",
            "coco_captions",
            "coco_image_info",
            "coco_instances",
            "coco_person_keypoints",
            "coco_panoptic",
        )
    ),
    Sample("roboflow_dataset/coco", "roboflow_coco"),
    *(
        Sample("voc_dataset/voc_dataset1", name)
        for name in (
            "voc",
            "voc_classification",
            "voc_detection",
            "voc_segmentation",
            "voc_instance_segmentation",
            "voc_layout",
            "voc_action",
        )
    ),
    Sample("camvid_dataset", "camvid"),
    Sample("cityscapes_dataset/dataset", "cityscapes"),
    Sample("kitti_dataset/kitti_detection", "kitti_detection"),
    Sample("kitti_dataset/kitti_segmentation", "kitti_segmentation"),
    Sample("kitti_dataset/kitti_segmentation", "kitti"),
    Sample("kitti_dataset/kitti_3d/training", "kitti3d"),
    Sample("kitti_dataset/kitti_raw", "kitti_raw"),
    Sample("sly_pointcloud_dataset", "sly_pointcloud"),
    Sample("image_dir_dataset", "image_dir"),
    Sample("image_zip_dataset", "image_zip"),
    Sample("yolo_dataset/strict", "yolo"),
    Sample("yolo_dataset/labels", "yolo"),
    Sample("yolo_dataset/strict", "yolo_strict", theirs="yolo"),
    Sample("yolo_dataset/labels", "yolo_loose", theirs="yolo"),
    Sample("roboflow_dataset/yolo", "roboflow_yolo"),
    Sample("imagenet_dataset", "imagenet"),
    Sample("imagenet_txt_dataset/basic", "imagenet_txt"),
    Sample("open_images_dataset/v6", "open_images"),
    Sample("mot_dataset/mot_seq", "mot_seq"),
    Sample("mots_dataset", "mots"),
    Sample("dota_dataset", "dota"),
    Sample("mnist_dataset", "mnist"),
    Sample("mnist_csv_dataset", "mnist_csv"),
    Sample("cifar10_dataset", "cifar"),
    Sample("cvat_dataset/for_images/export_task", "cvat"),
    Sample("cvat_dataset/for_images/export_project", "cvat"),
    Sample("cvat_dataset/for_video", "cvat"),
    Sample("labelme_dataset", "label_me"),
    *(
        Sample(f"icdar_dataset/{name}", f"icdar_{name}")
        for name in ("word_recognition", "text_localization", "text_segmentation")
    ),
    Sample("widerface_dataset", "wider_face"),
    Sample("segment_anything_dataset", "segment_anything"),
    Sample("roboflow_dataset/voc", "roboflow_voc"),
    Sample("celeba_dataset/dataset", "celeba"),
    Sample("align_celeba_dataset/dataset", "align_celeba"),
    Sample("lfw_dataset", "lfw"),
    Sample("vgg_face2_dataset", "vgg_face2"),
    Sample("market1501_dataset", "market1501"),
    Sample("mapillary_vistas_dataset", "mapillary_vistas_instances"),
    Sample("mapillary_vistas_dataset", "mapillary_vistas_panoptic"),
    Sample("mapillary_vistas_dataset", "mapillary_vistas", theirs="mapillary_vistas_instances"),
    Sample("video_dataset/video.avi", "video_frames"),
    Sample(
        "video_dataset/video.avi",
        "video_frames",
        options={
            "subset": "x",
            "name_pattern": "f-%03d",
            "step": 2,
            "start_frame": 1,
            "end_frame": 5,
        },
    ),
]

# formats of which the published package has nothing alike
OURS_ALONE_FORMATS = {
    "labelme_json",
    "yolo_ultralytics_classification",
    "yolo_ultralytics_obb",
    "yolo_ultralytics_pose",
    "yolo_ultralytics_segmentation",
}

TENSORFLOW_SAMPLES = [Sample("tf_detection_api_dataset", "tf_detection_api")]
