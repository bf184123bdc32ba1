"""Labels by appearance, and declared ones."""

from datumaro.formats.appearing_labels import AppearingLabels
from datumaro.model.annotation import AnnotationType


def test_names_get_indices_in_the_order_in_which_they_appear():
    labels = AppearingLabels()
    assert [labels.find(name) for name in ("dog", "cat", "dog")] == [0, 1, 0]
    assert labels.names == ["dog", "cat"]
    names = [label.name for label in labels.categories()[AnnotationType.label]]
    assert names == ["dog", "cat"]


def test_declared_labels_are_all_there_are():
    labels = AppearingLabels(["cat", "dog", "cat"])
    assert labels.find("dog") == 1
    assert labels.find("bird") is None
    assert labels.names == ["cat", "dog"]
