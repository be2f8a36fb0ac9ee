"""Where the proof lies: golden arrays of the original code and small real datasets, outside the repository."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from fake import small_store

_SHARED = Path(__file__).parents[2] / "shared"
GOLDEN = Path(os.environ.get("KINEME_GOLDEN", _SHARED / "golden"))
REALDATA = Path(os.environ.get("KINEME_REALDATA", _SHARED / "realdata"))


def golden_files(pattern: str) -> list[Path]:
    """Golden files that match a pattern below the golden root, for parametrising tests; may be empty."""
    return sorted(GOLDEN.glob(pattern))


def golden_cases(pattern: str) -> list[object]:
    """Parameters for `pytest.mark.parametrize`: every matching file, or one case that skips and says why."""
    files = golden_files(pattern)
    if files:
        return [pytest.param(path, id=path.stem, marks=pytest.mark.golden) for path in files]
    absent = pytest.mark.skip(reason=f"no golden file {pattern} under {GOLDEN}; set KINEME_GOLDEN")
    return [pytest.param(None, id=pattern, marks=[pytest.mark.golden, absent])]


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz``, read once."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def realdata_path(name: str) -> Path:
    """A file or folder of the real data; skips the test where it is absent."""
    path = REALDATA / name
    if not path.exists():
        pytest.skip(f"no real data {name} under {REALDATA}; set KINEME_REALDATA")
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small labelled store, of a module's own: 36 clips, four subjects, three cameras."""
    path = tmp_path_factory.mktemp("stores") / "small.store"
    small_store(num_clips=36).save(path)
    return path


def pytest_configure() -> None:
    """Tests run side by side on few cores; one thread each, of fixtures too, also makes sums reproducible."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_thread_again() -> Iterator[None]:
    """A test that takes more threads leaves one behind."""
    yield
    torch.set_num_threads(1)
