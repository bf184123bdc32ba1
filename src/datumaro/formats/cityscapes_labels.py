"""The labels of Cityscapes, which KITTI has taken over.

Definition: ``cityscapesscripts/helpers/labels.py`` of the data set's authors. The names are without
spaces, as the published package has them.
"""

from __future__ import annotations

from datumaro.formats.label_colors import LabelColors
from datumaro.model.categories import RgbColor

_COLORS: dict[str, RgbColor] = {
    "unlabeled": (0, 0, 0), "egovehicle": (0, 0, 0), "rectificationborder": (0, 0, 0),
    "outofroi": (0, 0, 0), "static": (0, 0, 0), "dynamic": (111, 74, 0), "ground": (81, 0, 81),
    "road": (128, 64, 128), "sidewalk": (244, 35, 232), "parking": (250, 170, 160),
    "railtrack": (230, 150, 140), "building": (70, 70, 70), "wall": (102, 102, 156),
    "fence": (190, 153, 153), "guardrail": (180, 165, 180), "bridge": (150, 100, 100),
    "tunnel": (150, 120, 90), "pole": (153, 153, 153), "polegroup": (153, 153, 153),
    "trafficlight": (250, 170, 30), "trafficsign": (220, 220, 0), "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152), "sky": (70, 130, 180), "person": (220, 20, 60),
    "rider": (255, 0, 0), "car": (0, 0, 142), "truck": (0, 0, 70), "bus": (0, 60, 100),
    "caravan": (0, 0, 90), "trailer": (0, 0, 110), "train": (0, 80, 100),
    "motorcycle": (0, 0, 230), "bicycle": (119, 11, 32), "licenseplate": (0, 0, 142),
}  # fmt: skip
_TRAINED = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "trafficlight", "trafficsign",
    "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train",
    "motorcycle", "bicycle",
)  # fmt: skip

LABELS = LabelColors(list(_COLORS), dict(enumerate(_COLORS.values())))
TRAINED = LabelColors(
    [*_TRAINED, "background"],
    {**{i: _COLORS[name] for i, name in enumerate(_TRAINED)}, len(_TRAINED): (0, 0, 0)},
)
"""The labels that models are trained on, by their train ids."""
