import pickle
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from conftest import golden_cases, load_npz
from export_stores import golden_store, kinect25_store
from fake import small_store
from kineme.errors import LayoutMismatchError
from kineme.exporters import exporters

COLUMNS = ["setup", "camera", "performer", "replication", "label", "skes_available_name"]


@pytest.mark.parametrize("file", golden_cases("dataprep/ntu*/denoised.npz"))
def test_folder_equals_that_of_the_scripts(file: Path, tmp_path: Path) -> None:
    out, golden = tmp_path / "out", load_npz(file)
    exporters.get("sgn")(golden_store(file.parent, "reference", tmp_path), "", out)
    clips = pickle.loads((out / "denoised_data" / "raw_denoised_joints.pkl").read_bytes())
    assert [clip.shape[1] // 75 for clip in clips] == golden["bodies"].tolist()
    padded = [np.pad(clip, ((0, 0), (0, 150 - clip.shape[1]))) for clip in clips]
    assert np.concatenate(padded).tobytes() == golden["joints"].tobytes()
    lengths = np.loadtxt(out / "denoised_data" / "frames_cnt.txt", dtype=int)
    assert lengths.tolist() == golden["frames_cnt"].tolist() == [len(clip) for clip in clips]
    with ZipFile(file.parent / "raw.zip") as raw:
        for name in COLUMNS:
            theirs = raw.read(f"statistics/{name}.txt").decode()
            assert (out / "statistics" / f"{name}.txt").read_text().split() == theirs.split()


def test_clips_can_be_changed_in_place_as_the_scripts_do(tmp_path: Path) -> None:
    store = kinect25_store()
    exporters.get("sgn")(store, "", tmp_path / "out")
    clips = pickle.loads((tmp_path / "out" / "denoised_data" / "raw_denoised_joints.pkl").read_bytes())
    assert type(clips) is list
    assert [clip.shape for clip in clips] == [(8, 75), (5, 150), (12, 75), (9, 150), (7, 75), (6, 150)]
    clips[1] -= 1
    np.testing.assert_array_equal(clips[1][:, 75:].reshape(5, 25, 3), store[1].xyz[1] - 1)


def test_other_joints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutMismatchError, match=r"20 joints .* 25 \(kinect25\)"):
        exporters.get("sgn")(small_store(), "", tmp_path / "out")
    assert not list(tmp_path.iterdir())
