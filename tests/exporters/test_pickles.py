import io
import pickle
import pickletools

import numpy as np

from kineme.exporters.pickles import dump


def dumped(value: object) -> bytes:
    file = io.BytesIO()
    dump(value, file)
    return file.getvalue()


def test_plain_data_comes_back() -> None:
    value = {"a": ["x", "x", 7, -1, 10**6], "": {"ä": None}, "empty": []}
    assert pickle.loads(dumped(value)) == value


def test_iterators_become_lists() -> None:
    value = {"numbers": iter(range(2000)), "names": [], "none": iter(())}
    assert pickle.loads(dumped(value)) == {"numbers": list(range(2000)), "names": [], "none": []}


def test_arrays_come_back_and_can_be_changed() -> None:
    arrays = [np.arange(6, dtype=dtype).reshape(2, 3)[:, ::step] for dtype in ("f2", "f4", "i8") for step in (1, 2)]
    for array, back in zip(arrays, pickle.loads(dumped(iter(arrays))), strict=True):
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
        back += 1


def test_only_names_that_every_numpy_knows() -> None:
    content = dumped({"annotations": iter([{"keypoint": np.zeros((2, 3)), "score": np.zeros(2, "f2")}] * 2)})
    named = {str(argument) for opcode, argument, _ in pickletools.genops(content) if "GLOBAL" in opcode.name}
    assert named == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
