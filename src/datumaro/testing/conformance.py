"""The tests that every format passes."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from datumaro.dataset import Dataset
from datumaro.errors import DatasetNotFoundError, DatumaroError, UnknownOptionError
from datumaro.formats import registry
from datumaro.formats.base import Format
from datumaro.formats.capabilities import Capabilities
from datumaro.formats.detection import detect
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import Image, MediaType
from datumaro.testing import strategies
from datumaro.testing.comparison import differences, everything
from datumaro.testing.damage import damaged, files_of_each_kind, no_hang
from datumaro.testing.exchange import Exchange, other_formats
from datumaro.testing.extras import extras
from datumaro.testing.media import pixels
from datumaro.testing.samples import SIZE, id_maker, sample
from datumaro.testing.work import count_work, superlinear


class FormatConformance:
    """Tests of one format: derive a class whose name begins with ``Test``, and name the format.

    Each test may be overridden, as may these attributes.

    Attributes
    ----------
    format : the format's name.
    write_options, read_options : given with each export and import.
    max_examples : how many data sets are made for a round trip.
    """

    format: ClassVar[str] = ""
    write_options: ClassVar[dict[str, Any]] = {}
    read_options: ClassVar[dict[str, Any]] = {}
    max_examples: ClassVar[int] = 20

    @pytest.fixture
    def format_name(self) -> str:
        """The format; a test class may be parametrised with it instead."""
        assert self.format, f"{type(self).__name__} does not say which format it tests"
        return self.format

    @pytest.fixture
    def kind(self, format_name: str) -> Format:
        """The format."""
        return registry.get(format_name)

    @pytest.fixture
    def exchange(self, kind: Format, tmp_path: Path) -> Exchange:
        """The way through files; skips the test for formats that are not both read and written."""
        if not kind.writes:
            pytest.skip(f"{kind.name} is only read")
        reader = registry.get(kind.read_by) if kind.read_by else kind
        if not reader.reads:
            pytest.skip(f"{kind.name} is only written")
        return Exchange(kind, reader, tmp_path, dict(self.write_options), dict(self.read_options))

    def make_sample(self, kind: Format, folder: Path) -> None:
        """Write a small data set of the format into ``folder``. Override it for formats that only
        are read.
        """
        if not kind.writes or kind.holds is None:
            pytest.skip(
                f"{kind.name} is only read, and the test class does not override make_sample"
            )
        options: dict[str, Any] = {"save_media": True}
        if kind.name == self.format:
            options |= self.write_options
        sample(kind.holds, 2).export(folder, kind.name, **options)

    # --- round trips --------------------------------------------------------------------------

    def check(self, strategy: st.SearchStrategy[Dataset], test: Callable[[Dataset], None]) -> None:
        """Call ``test`` with some data sets; always the same ones."""
        settled = settings(
            max_examples=self.max_examples,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            phases=(Phase.generate, Phase.shrink),
        )
        settled(given(strategy)(test))()

    def test_it_declares_what_it_holds(self, kind: Format) -> None:
        assert kind.holds is not None, "set the class attribute `holds`"
        assert kind.holds.media, "it holds no kind of media"
        assert kind.title and kind.name

    def test_all_that_it_holds_comes_back(self, exchange: Exchange) -> None:
        def test(dataset: Dataset) -> None:
            received, said = exchange.round_trip(dataset)
            check_same(dataset, received, exchange.holds, said)

        self.check(strategies.datasets(exchange.holds, min_items=1), test)

    def test_what_it_does_not_hold_is_reported(self, exchange: Exchange) -> None:
        silent: dict[str, list[str]] = {}
        all_of_it = everything(exchange.holds)
        for name, dataset in extras(exchange.holds).items():
            try:
                received, said = exchange.round_trip(dataset)
            except DatumaroError:
                continue  # refused, and told why
            if not said and (lost := differences(dataset, received, all_of_it)):
                silent[name] = lost
        if silent:
            lines = [f"{name}: {line}" for name, lost in silent.items() for line in lost[:3]]
            pytest.fail("left out, and nothing was said:\n" + "\n".join(lines))

    def test_an_empty_data_set(self, exchange: Exchange) -> None:
        for labels in ([], list(exchange.holds.label_names) or ["cat"]):
            folder = exchange.fresh()
            dataset = Dataset.from_iterable([], categories=labels)
            exchange.write(dataset, folder)
            try:
                received = exchange.read(folder)
            except DatasetNotFoundError:
                files = [path for path in folder.rglob("*") if path.is_file()]
                assert not files, "there are files, so there is a data set"
            else:
                assert len(received) == 0

    def test_items_without_annotations(self, exchange: Exchange) -> None:
        if exchange.holds.annotations_needed:
            pytest.skip("the format cannot hold such items")
        dataset = sample(exchange.holds, annotated=False)
        received, said = exchange.round_trip(dataset)
        check_same(dataset, received, exchange.holds, said)

    def test_items_without_media(self, exchange: Exchange) -> None:
        if exchange.holds.media_needed or exchange.holds.size_needed:
            pytest.skip("the format cannot hold such items")
        dataset = sample(exchange.holds, media=lambda _: None)
        received, said = exchange.round_trip(dataset)
        check_same(dataset, received, exchange.holds, said)

    @pytest.mark.parametrize("item_id", strategies.IDS)
    def test_odd_ids(self, exchange: Exchange, item_id: str) -> None:
        taken = strategies.takes_id(exchange.holds, item_id)
        dataset = sample(exchange.holds, 1, ids=lambda _: item_id)
        try:
            received, said = exchange.round_trip(dataset)
        except DatumaroError:
            assert not taken, "it declares that it takes such ids"
        else:
            assert ids_of(received) == ids_of(dataset) or (said and not taken)

    def test_ids_that_are_no_names_of_files(self, exchange: Exchange) -> None:
        for item_id in strategies.ODD_IDS:
            dataset = sample(exchange.holds, 1, ids=lambda _, item_id=item_id: item_id)
            try:
                received, said = exchange.round_trip(dataset)
            except DatumaroError:
                continue  # refused, and told why
            assert ids_of(received) == ids_of(dataset) or said

    def test_several_subsets_and_the_default_one(self, exchange: Exchange) -> None:
        subsets = exchange.holds.subsets
        if not subsets:
            pytest.skip("the format has no subsets")
        names = [DEFAULT_SUBSET_NAME, "train", "test 1.5"] if subsets is True else list(subsets)
        dataset = sample(exchange.holds, len(names))
        for item, name in zip(dataset, names, strict=True):
            item.subset = name
        received, said = exchange.round_trip(dataset)
        check_same(dataset, received, exchange.holds, said)
        assert sorted(received.subsets()) == sorted(names)

    def test_the_same_id_in_two_subsets(self, exchange: Exchange) -> None:
        if exchange.holds.subsets is False:
            pytest.skip("the format has no subsets")
        dataset = sample(exchange.holds, 2)
        second = list(dataset)[1]
        second.id = id_maker(exchange.holds)(0)
        try:
            received, said = exchange.round_trip(dataset)
        except DatumaroError:
            return  # refused, and told why
        if not said:
            check_same(dataset, received, exchange.holds)

    def test_labels_that_no_annotation_has(self, exchange: Exchange) -> None:
        if exchange.holds.labels != "all" or exchange.holds.label_names:
            pytest.skip("the format does not keep them")
        dataset = sample(exchange.holds, annotated=exchange.holds.annotations_needed)
        received, said = exchange.round_trip(dataset)
        check_same(dataset, received, exchange.holds, said)
        assert {"cat", "dog"} <= set(received.get_label_cat_names())

    def test_two_exports_into_one_folder(self, exchange: Exchange) -> None:
        folder, make = exchange.fresh(), id_maker(exchange.holds)
        exchange.write(sample(exchange.holds, 5), folder)
        second = sample(exchange.holds, 2, ids=lambda number: make(number + 10))
        exchange.write(second, folder)
        received = exchange.read(folder)
        if exchange.holds.media_needed or exchange.holds.media_found:
            # media of older exports stay, and are items
            for item in list(received):
                if item.id not in {item.id for item in second}:
                    received.remove(item.id, item.subset)
        check_same(second, received, exchange.holds)

    def test_labels_in_dataset_meta(self, exchange: Exchange) -> None:
        options = {f.name for f in dataclasses.fields(exchange.writer.write_options)}
        if "save_dataset_meta" not in options or exchange.holds.labels == "none":
            pytest.skip("the format has no dataset_meta.json")
        dataset = sample(exchange.holds)
        folder = exchange.fresh()
        exchange.write(dataset, folder, save_dataset_meta=True)
        received = exchange.read(folder)
        sent, added = dataset.get_label_cat_names(), exchange.holds.added_labels
        names = [n for n in received.get_label_cat_names() if n in sent or n not in added]
        assert names == sent
        check_same(dataset, received, exchange.holds)

    # --- options --------------------------------------------------------------------------------

    def test_unknown_options(self, exchange: Exchange) -> None:
        dataset, folder = sample(exchange.holds), exchange.fresh()
        with pytest.raises(UnknownOptionError, match=r"no_such_option.*save_media"):
            exchange.write(dataset, folder, no_such_option=1)
        assert not folder.exists()
        exchange.write(dataset, folder)
        with pytest.raises(UnknownOptionError, match=r"no_such_option.*allow_external_media"):
            exchange.read(folder, no_such_option=1)

    def test_options_are_explained(self, kind: Format) -> None:
        for options, used in ((kind.read_options, kind.reads), (kind.write_options, kind.writes)):
            for option in dataclasses.fields(options) if used else ():
                assert option.metadata.get("help"), f"option {option.name} has no help"
                assert option.default is not dataclasses.MISSING, f"{option.name} has no default"

    # --- media ----------------------------------------------------------------------------------

    def images(self, exchange: Exchange) -> None:
        """Skip formats that do not hold images."""
        if MediaType.IMAGE not in exchange.holds.media:
            pytest.skip("the format holds no images")

    def test_saved_media_have_the_same_pixels(self, exchange: Exchange) -> None:
        self.images(exchange)
        if exchange.holds.pixels == "none":
            pytest.skip("the format holds the files")
        dataset = sample(exchange.holds, 3)
        received, _ = exchange.round_trip(dataset)
        for one in dataset:
            other = received.get(one.id, one.subset)
            assert other is not None
            assert (one.media_as(Image).data == other.media_as(Image).data).all()

    def test_saved_media_are_the_same_files(self, exchange: Exchange) -> None:
        self.images(exchange)
        if exchange.holds.pixels != "none":
            pytest.skip("the format holds pixels")
        source = self.image_file(exchange.place / "source.png")
        link = exchange.place / "link.png"
        link.symlink_to(source)
        dataset = sample(exchange.holds, 2, media=lambda n: Image.from_file([source, link][n]))
        folder = exchange.fresh()
        exchange.write(dataset, folder)
        content = source.read_bytes()
        source.write_bytes(b"changed later")
        received = list(exchange.read(folder))
        assert len(received) == 2
        for item in received:
            assert item.media is not None and item.media.bytes == content

    def test_media_are_encoded_as_asked_for(self, exchange: Exchange) -> None:
        self.images(exchange)
        if exchange.holds.pixels != "none":
            pytest.skip("the format holds pixels")
        source = self.image_file(exchange.place / "source.png")
        dataset = sample(exchange.holds, 1, media=lambda _: Image.from_file(source))
        folder = exchange.fresh()
        exchange.write(dataset, folder, image_ext=".bmp")
        (item,) = exchange.read(folder)
        assert item.media_as(Image).ext == ".bmp"
        assert (item.media_as(Image).data == pixels(SIZE)).all()

    def test_media_whose_files_are_missing(self, exchange: Exchange) -> None:
        self.images(exchange)
        nowhere = exchange.place / "nowhere.png"
        dataset = sample(exchange.holds, 2, media=lambda _: Image.from_file(nowhere, size=SIZE))
        folder = exchange.fresh()
        said = exchange.write(dataset, folder)
        assert any("nowhere" in line for line in said), "it says which files are missing"
        if not exchange.holds.media_needed:
            check_same(dataset, exchange.read(folder), exchange.holds)

    def test_media_that_are_not_saved(self, exchange: Exchange) -> None:
        self.images(exchange)
        if exchange.holds.media_needed:
            pytest.skip("the format always saves them")
        source = self.image_file(exchange.place / "source.png")
        dataset = sample(exchange.holds, 2, media=lambda _: Image.from_file(source, size=SIZE))
        folder = exchange.fresh()
        said = exchange.write(dataset, folder, save_media=False)
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert source.read_bytes() not in [path.read_bytes() for path in files]
        check_same(dataset, exchange.read(folder), exchange.holds, said)

    @staticmethod
    def image_file(path: Path) -> Path:
        """Write an image file."""
        Image.from_numpy(data=pixels(SIZE)).save(path)
        return path

    # --- detection ------------------------------------------------------------------------------

    def sample_of(self, kind: Format, place: pytest.TempPathFactory) -> Path:
        """A small data set of a format, made once in a test run."""
        folder = place.getbasetemp() / "datumaro-samples" / kind.name
        if kind.name == self.format and self.write_options:  # it may be another's, too, without
            folder = folder.with_name(f"{type(self).__module__}.{type(self).__qualname__}")
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.part")  # when making it is skipped
            unfinished.mkdir(parents=True, exist_ok=True)
            self.make_sample(kind, unfinished)
            unfinished.rename(folder)
        return folder

    def test_its_own_data_set_is_detected(
        self, kind: Format, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        reader = registry.get(kind.read_by) if kind.read_by else kind
        if type(reader).detect is Format.detect or not reader.reads:
            pytest.skip("the format is not detected: it has to be named")
        found = detect(self.sample_of(kind, tmp_path_factory))
        wanted = reader.part_of or reader.name
        assert found.formats in ([wanted], [reader.name]), found.rejected.get(reader.name)

    def test_other_formats_data_sets_are_not_taken_for_its_own(
        self, kind: Format, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        if not kind.reads or type(kind).detect is Format.detect:
            pytest.skip("the format is not detected: it has to be named")
        taken: list[str] = []
        for other in other_formats(kind.name):
            if _related(kind, other) or not other.writes or other.holds is None:
                continue
            found = detect(self.sample_of(other, tmp_path_factory))
            if kind.name in found.formats:
                taken.append(other.name)
        assert not taken, f"taken for {kind.name}"

    def test_detection_looks_at_little(self, exchange: Exchange) -> None:
        if type(exchange.reader).detect is Format.detect:
            pytest.skip("the format is not detected: it has to be named")
        once, twice = (self.work(exchange, n, lambda folder: detect(folder)) for n in (40, 80))
        assert not superlinear(once, twice, slack=2000)

    # --- damage ---------------------------------------------------------------------------------

    def test_damaged_files(
        self, kind: Format, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        reader = registry.get(kind.read_by) if kind.read_by else kind
        if not reader.reads:
            pytest.skip("the format is only written")
        folder = tmp_path / "damaged"
        shutil.copytree(self.sample_of(kind, tmp_path_factory), folder)
        holds = kind.holds or Capabilities()
        all_of_it = everything(holds)
        whole = Dataset.import_from(folder, reader.name, **self.read_options)
        wrong: list[str] = []
        for path in files_of_each_kind(folder):
            content = path.read_bytes()
            is_list = any(path.match(pattern) for pattern in holds.lines)
            for what, other in damaged(content):
                path.write_bytes(other)
                problem = self.problem_of(reader, folder, path, whole, all_of_it, is_list)
                if problem:
                    wrong.append(f"{path.relative_to(folder)} {what}: {problem}")
            path.write_bytes(content)
        if wrong:
            pytest.fail("\n".join(wrong))

    def problem_of(
        self,
        reader: Format,
        folder: Path,
        path: Path,
        whole: Dataset,
        holds: Capabilities,
        is_list: bool,
    ) -> str:
        """What is wrong with how a data set with one damaged file is read."""
        for policy in ("fail", "skip"):
            try:
                with no_hang():
                    received = Dataset.import_from(
                        folder, reader.name, error_policy=policy, **self.read_options
                    )
                    changes = differences(whole, received, holds)
            except DatumaroError as error:
                if not is_list and path.name not in str(error):
                    return f"the error does not name the file: {type(error).__name__}: {error}"
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
                return f"{type(error).__name__}: {error}"
            else:
                if policy == "fail" and changes and not is_list:
                    return f"read as if nothing was wrong; {len(changes)} changes: {changes[:3]}"
                break  # nothing was found to be skipped
        return ""

    # --- work -----------------------------------------------------------------------------------

    def work(self, exchange: Exchange, n: int, call: Callable[[Path], object]) -> Any:
        """The work of a call with a data set of ``n`` items."""
        folder = exchange.fresh()
        exchange.write(sample(exchange.holds, n), folder)
        return count_work(lambda: call(folder))

    def test_reading_is_linear(self, exchange: Exchange) -> None:
        exchange.read_options |= _without_workers(exchange.reader.read_options)
        self.work(exchange, 2, exchange.read)  # what is done once for all
        once, twice = (self.work(exchange, n, exchange.read) for n in (40, 80))
        assert not superlinear(once, twice)

    def test_writing_is_linear(self, exchange: Exchange) -> None:
        options = _without_workers(exchange.writer.write_options)
        datasets = [sample(exchange.holds, n) for n in (2, 40, 80)]
        _, once, twice = (
            count_work(lambda d=d: exchange.write(d, exchange.fresh(), **options)) for d in datasets
        )
        assert not superlinear(once, twice)


def ids_of(dataset: Dataset) -> list[str]:
    """The items' ids."""
    return [item.id for item in dataset]


def check_same(
    sent: Dataset, received: Dataset, holds: Capabilities, said: Sequence[str] = ()
) -> None:
    """Fail unless all of ``sent`` that can be held was received, and nothing was warned of."""
    __tracebackhide__ = True
    lines = differences(sent, received, holds)
    lines += [f"warned of, though all of it can be held: {line}" for line in said]
    if lines:
        items = [f"    {item!r}" for item in sent]
        pytest.fail("\n".join([*lines, "sent:", *items, *sent.get_categories_info()]))


def _without_workers(options: Any) -> dict[str, Any]:
    return (
        {"num_workers": 0} if "num_workers" in {f.name for f in dataclasses.fields(options)} else {}
    )


def _related(kind: Format, other: Format) -> bool:
    """Whether one reads data sets of the other by design."""
    families = [{f.name, f.part_of, f.read_by} - {""} for f in (kind, other)]
    return bool(families[0] & families[1])
