from pathlib import Path

import numpy as np
import pytest

from kineme.datasets.coordinates import as_float32
from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError

FILE = RawFile(Path("a.json"))


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.uint8])
def test_numbers_of_any_kind(kind: type) -> None:
    frames = np.arange(24).reshape(4, 2, 3).astype(kind)
    found = as_float32(frames.transpose(1, 2, 0), FILE)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, frames.transpose(1, 2, 0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e39, np.array(0x7FF0000000000001, np.uint64).view(float)])
def test_first_frame_without_a_number_is_named(value: float) -> None:
    frames = np.zeros((4, 2, 3))
    frames[2:, 1, 1] = value
    with pytest.raises(SourceError, match="NaN or infinity in frame 3") as caught:
        as_float32(frames, FILE)
    assert caught.value.fix
