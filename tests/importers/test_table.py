from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.clip_table import check_clip
from kineme.datasets.prepare import prepare
from kineme.errors import ClipError, SourceError
from kineme.importers.table import Table
from kineme.layout import Layout
from raw import read_one

LAYOUT = Layout.get("florence15")
DICE = np.random.default_rng(0)
XYZ = DICE.normal(size=(4, 15, 3)).round(4).astype(np.float32)


def wide(xyz: np.ndarray = XYZ, frames: tuple[int, ...] = (7, 8, 9, 10), **columns: list[Any]) -> str:
    """A table with a row per frame; further columns come first."""
    axes = "xyzc"[: xyz.shape[2]]
    header = [*columns, "frame", *(f"{joint}_{axis}" for joint in LAYOUT.joints for axis in axes)]
    rows = zip(*columns.values(), frames, *xyz.reshape(len(xyz), -1).T.tolist(), strict=True)
    return "\n".join([",".join(header), *(",".join(map(str, row)) for row in rows), ""])


def long(xyz: np.ndarray = XYZ) -> str:
    """A table with a row per joint, in no order."""
    rows = [
        f"{frame},{joint},{','.join(map(str, xyz[frame, v].tolist()))}"
        for frame in range(len(xyz))
        for v, joint in enumerate(LAYOUT.joints)
    ]
    return "\n".join(["frame,joint,x,y,z", *DICE.permutation(rows), ""])


def table(**options: Any) -> Table:
    return Table(**{"joints": "florence15", **options})


def written(folder: Path, text: str | bytes, name: str = "walk.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize("text", [wide(), long()], ids=["wide", "long"])
def test_both_forms(tmp_path: Path, text: str) -> None:
    clip = read_one(table(), written(tmp_path, text))
    np.testing.assert_array_equal(clip.xyz, XYZ[None])
    assert clip.confidence is not None
    assert clip.confidence.shape == (1, 4, 15)
    assert (clip.id, clip.fps, clip.present.all(), clip.confidence.min()) == ("walk", 0.0, True, 1.0)


def test_order_of_columns_and_rows_does_not_matter(tmp_path: Path) -> None:
    header, *rows = [line.split(",") for line in wide().strip().split("\n")]
    order = DICE.permutation(len(header))
    lines = [",".join(cells[k] for k in order) for cells in [header, *reversed(rows)]]
    clip = read_one(table(), written(tmp_path, "\ufeff" + "\r\n".join(lines)))
    np.testing.assert_array_equal(clip.xyz, XYZ[None])


def test_aliases_and_other_spellings_are_understood(tmp_path: Path) -> None:
    text = wide().replace("left_knee_", "Knee_L_").replace("spine_shoulder_", "neck_")
    np.testing.assert_array_equal(read_one(table(), written(tmp_path, text)).xyz, XYZ[None])


def test_bodies_have_slots_in_order_of_their_numbers(tmp_path: Path) -> None:
    clip = read_one(table(), written(tmp_path, wide(frames=(0, 0, 2, 2), body=[11, 4, 11, 5])))
    assert clip.present.tolist() == [[True, False, False], [False, False, True], [True, False, True]]
    np.testing.assert_array_equal(clip.xyz[:, [0, 2]], [[XYZ[1], 0 * XYZ[0]], [0 * XYZ[0], XYZ[3]], [XYZ[0], XYZ[2]]])


def test_empty_cells_are_joints_not_found(tmp_path: Path) -> None:
    xyzc = np.concatenate([XYZ, np.full((4, 15, 1), 0.5, np.float32)], axis=2)
    rows = wide(xyzc).split("\n")
    first, nobody = rows[1].split(","), rows[2].split(",")
    rows[1] = ",".join([first[0], first[1], "", *first[3:]])  # y of the head
    rows[2] = ",".join([nobody[0], *[""] * 60])
    clip = read_one(table(), written(tmp_path, "\n".join(rows)))
    assert clip.confidence is not None
    assert clip.confidence[0, :2].tolist() == [[0.0, *[0.5] * 14], [0.0] * 15]
    assert clip.xyz[0, 0, 0].tolist() == [0, 0, 0]
    assert clip.present.tolist() == [[True, False, True, True]]
    check_clip(clip, LAYOUT, 0)


def test_frames_per_second_follow_from_times(tmp_path: Path) -> None:
    file = written(tmp_path, wide(time=[10.0, 10.0333, 10.0667, 10.1]))
    assert read_one(table(), file).fps == 30.0
    assert read_one(table(fps=25.0), file).fps == 25.0
    assert read_one(table(), written(tmp_path, wide(XYZ[:1], (5,), time=[1.0]))).fps == 0.0


def test_two_coordinates(tmp_path: Path) -> None:
    clip = read_one(table(joints="jhmdb15"), written(tmp_path, _picture(XYZ[..., :2])))
    np.testing.assert_array_equal(clip.xyz, XYZ[None, ..., :2])


def _picture(xy: np.ndarray) -> str:
    """The joints of jhmdb15 are those of florence15 in another order."""
    order = [LAYOUT.index(joint) for joint in Layout.get("jhmdb15").joints]
    return wide(xy[:, np.argsort(order)])


def test_pixels_need_the_size_of_the_picture(tmp_path: Path) -> None:
    file = written(tmp_path, _picture(XYZ[..., :2] * 500))
    with pytest.raises(SourceError, match=r"pixels of a picture of unknown size.*--image-size 1920 1080"):
        read_one(table(joints="jhmdb15"), file)
    clip = read_one(table(joints="jhmdb15", image_size=(1000, 250)), file)
    np.testing.assert_allclose(clip.xyz[0], XYZ[..., :2] * [0.5, 2], rtol=1e-5)
    with pytest.raises(SourceError, match="layout florence15 is in m"):
        read_one(table(image_size=(1000, 250)), file)


def test_labels_beside_the_recordings_are_none(tmp_path: Path) -> None:
    written(tmp_path, wide(), "a.csv")
    written(tmp_path, wide(XYZ + 1), "b.csv")
    labels = written(tmp_path, "id,label,split\na.csv,wave,train\nb.csv,sit,test\n", "labels.csv")
    store, report = prepare(table(path=tmp_path, labels=labels), tmp_path, tmp_path / "store")
    assert report.ok
    assert (store.ids.tolist(), store.labels.tolist(), store.classes) == (["a", "b"], [1, 0], ("sit", "wave"))
    assert store.splits == {"own": (["a"], ["b"])}


def edited(row: int, column: int, cell: str) -> str:
    rows = [line.split(",") for line in wide().split("\n")]
    rows[row][column] = cell
    return "\n".join(map(",".join, rows))


LONG = long()
MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "no rows"),
    "header only": (wide().split("\n")[0], "no rows"),
    "not text": (b"frame,\xff\n1,2\n", "not text in UTF-8"),
    "field without end": ('frame,"a\n' + "x" * 200_000, "not CSV"),
    "semicolons": (wide().replace(",", ";"), "csv:1: no column frame"),
    "no joints": ("frame\n1\n", "such as head_x, head_y, found ''"),
    "no y": ("frame,head_x\n1,2\n", "such as head_x, head_y, found 'head_x'"),
    "no joint": ("frame,x,y\n1,2,3\n", "such as head_x, head_y, found 'x, y'"),
    "both forms": ("frame,joint,head_x,head_y\n1,head,2,3\n", "expected columns x, y, found"),
    "odd column": (edited(0, 45, "right_ankle_q"), "every joint needs the same columns; odd: 'right_ankle_q, right_an"),
    "column twice": (edited(0, 45, "head_x"), "column 'head_x' occurs twice"),
    "cells": (wide().replace("\n9,", "\n9,9,"), ":4: expected 46 cells as in the header, found 47"),
    "text": (edited(3, 2, "1.2.3"), ":4: expected a number as head_y, found '1.2.3'"),
    "infinity": (edited(3, 2, "-inf"), ":4: expected a number as head_y, found '-inf'"),
    "beyond float32": (edited(3, 2, "1e39"), ":4: expected a number as head_y, found '1e39'"),
    "half a frame": (edited(2, 0, "7.5"), ":3: expected a whole number as frame, found '7.5'"),
    "no frame": (edited(2, 0, ""), ":3: expected a whole number as frame, found ''"),
    "frame twice": (edited(2, 0, "7"), ":3: a second row for frame 7"),
    "joint twice": (LONG + LONG.split("\n")[1], ":62: a second row for frame ., joint "),
    "body twice": (wide(frames=(1, 1, 2, 1), body=[3, 4, 3, 4]), ":5: a second row for frame 1, body 4"),
    "far apart": (edited(4, 0, "5000"), "1 bodies and frame numbers 4994 apart, but only 4 rows"),
    "time": (wide(time=[3, 2, 2, 1]), "time goes from 3 to 1 in 3 frames"),
    "no time": (wide(time=["", 2, 2, 1]), "time goes from nan to 1 in 3 frames"),
    "other joints": (wide().replace("head", "hat"), "no joint for head of layout florence15.*: hat"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    text, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        table().clips(source(written(tmp_path, text)))
    assert "walk.csv" in caught.value.path


def source(file: Path) -> Any:
    (found,) = table().find(file)
    return found


@settings(max_examples=40, deadline=None)
@given(
    text=st.sampled_from([wide(), LONG]),
    at=st.integers(0, 1000),
    damage=st.text('\x00 ",x9-\n', min_size=1, max_size=3),
    cut=st.integers(0, 4000),
)
def test_damage_anywhere_is_our_error_or_a_clip(
    tmp_path_factory: pytest.TempPathFactory, text: str, at: int, damage: str, cut: int
) -> None:
    file = written(tmp_path_factory.mktemp("hurt"), (text[:at] + damage + text[at + len(damage) :])[:cut])
    try:
        check_clip(read_one(table(), file), LAYOUT, 0)
    except (SourceError, ClipError) as error:
        assert "walk" in str(error)  # noqa: PT017 - a clip is as good
