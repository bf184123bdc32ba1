"""Files that go through the published package and through ours, in both directions.

All writing and reading is done once for the session, in a few processes with many jobs each; the
tests compare the dumps.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from interop import published
from interop.cases import CASES, OURS_ALONE_CASES, SAMPLES, Sample
from interop.exchange import Exchange, exchanged


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here are marked `interop`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny images, a point cloud, and a file that passes for a video (nothing decodes it)."""
    folder = tmp_path_factory.mktemp("media")
    pixels = (np.arange(6 * 8 * 3) * 7 % 256).astype(np.uint8).reshape(6, 8, 3)
    Image.fromarray(pixels).save(folder / "a.jpg")
    Image.fromarray(pixels).save(folder / "b.png")
    (folder / "clip.avi").write_bytes(b"no test decodes this")
    (folder / "cloud.pcd").write_text(
        "# .PCD v.7\nVERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 1\n"
        "HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 1\nDATA ascii\n1 2 3\n"
    )
    return folder


@pytest.fixture(scope="session", params=published.VERSIONS)
def exchange(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, media: Path
) -> Exchange:
    """Each side writes every case; then each reads what either wrote, and the real samples."""
    version: str = request.param
    try:
        python = published.interpreter(version)
    except published.NotAvailableError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    root = tmp_path_factory.mktemp(version)
    return exchanged(
        version,
        python,
        root,
        media,
        cases=CASES,
        ours_alone=OURS_ALONE_CASES,
        samples=SAMPLES,
    )


@pytest.fixture
def sample_dumps(exchange: Exchange, sample: Sample) -> tuple[dict[str, Any], dict[str, Any]]:
    """What theirs and ours read of a real sample."""
    if sample.path() is None:
        pytest.skip("no shared/data beside the checkout")
    name = f"read {sample.name}"
    return exchange.theirs.result(name), exchange.ours.result(name)
