import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from conftest import realdata_path
from kineme.datasets.base import SourceWarning
from kineme.errors import SourceError
from kineme.importers.base import Importer
from kineme.importers.bvh import BVH
from kineme.layout import Layout
from raw import read_one, source_of

LAYOUT = Layout.get("florence15")
CHANNELS = ["Xposition", "Yposition", "Zposition", "Xrotation", "Yrotation", "Zrotation"]


def hierarchy(joint: str, depth: int = 0, dice: Any = None) -> Iterator[str]:
    """Lines of a joint and all below it, with channels in an order and of a number that differ by joint."""
    dice = dice or np.random.default_rng(0)
    children = [child for child, parent in zip(LAYOUT.joints, LAYOUT.tree, strict=True) if parent == joint]
    channels = dice.permutation(CHANNELS if dice.random() < 0.4 else CHANNELS[3:])[: dice.integers(1, 7)]
    indent = "\t" * depth
    yield f"{indent}{'JOINT' if depth else 'ROOT'} {joint}"
    yield indent + "{"
    yield f"{indent}\tOFFSET {' '.join(f'{x:.4f}' for x in dice.normal(0, 20, 3))}"
    yield f"{indent}\tCHANNELS {len(channels)} {' '.join(channels)}"
    for child in children:
        yield from hierarchy(child, depth + 1, dice)
    if not children:
        yield from (f"{indent}\tEnd Site", indent + "\t{", f"{indent}\t\tOFFSET 0 5 0", indent + "\t}")
    yield indent + "}"


def bvh_text(frames: int = 3) -> str:
    lines = ["HIERARCHY", *hierarchy("spine_mid")]
    width = sum(int(line.split()[1]) for line in lines if "CHANNELS" in line)
    rows = np.random.default_rng(1).uniform(-170, 170, (frames, width))
    motion = ["MOTION", f"Frames: {frames}", "Frame Time: 0.0333333"]
    return "\n".join([*lines, *motion, *(" ".join(f"{x:.5f}" for x in row) for row in rows), ""])


TEXT = bvh_text()


def slow_reading(text: str) -> dict[str, np.ndarray]:
    """Places of all joints (T, 3): frame by frame, joint by joint, with 4 x 4 matrices."""
    words = iter(text.split("MOTION")[0].split())
    rows = [list(map(float, line.split())) for line in text.split("MOTION")[1].strip().split("\n")[2:]]
    found: dict[str, list[np.ndarray]] = {}

    def joint(name: str, outer: list[np.ndarray], columns: Iterator[int]) -> None:
        offset, channels, inner = [], [], outer
        while (word := next(words)) != "}":
            if word == "OFFSET":
                offset = [float(next(words)) for _ in range(3)]
            elif word == "CHANNELS":
                channels = [(next(words), next(columns)) for _ in range(int(next(words)))]
                inner = [outer[t] @ local(offset, [(c, rows[t][k]) for c, k in channels]) for t in range(len(rows))]
                found[name] = [matrix[:3, 3] for matrix in inner]
            elif word == "JOINT":
                joint(next(words), inner, columns)
            elif word == "End":
                while next(words) != "}":
                    pass

    next(word for word in words if word == "ROOT")
    joint(next(words), [np.eye(4)] * len(rows), iter(range(10**6)))
    return {name: np.array(places) for name, places in found.items()}


def local(offset: list[float], channels: list[tuple[str, float]]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    for channel, value in channels:
        if channel.endswith("position"):
            matrix["XYZ".index(channel[0]), 3] = value
        else:
            turn = np.eye(4)
            turn[:3, :3] = Rotation.from_euler(channel[0], value, degrees=True).as_matrix()
            matrix = matrix @ turn
    return matrix


def importer(**options: Any) -> Importer:
    return BVH(**{"joints": "florence15", **options})


def written(folder: Path, text: str | bytes, name: str = "walk.bvh") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_positions_equal_a_slow_reading(tmp_path: Path) -> None:
    clip = read_one(importer(scale=0.02), written(tmp_path, TEXT))
    places = slow_reading(TEXT)
    expected = np.stack([places[joint] for joint in LAYOUT.joints], axis=1)
    np.testing.assert_allclose(clip.xyz[0], expected * 0.02, rtol=1e-5, atol=1e-5)
    assert (clip.fps, clip.present.all(), clip.label) == (30.0, True, None)


def test_position_channels_take_the_place_of_the_offset(tmp_path: Path) -> None:
    joints = "".join(f"JOINT {joint} {{ OFFSET 0 0 0 CHANNELS 0 }}\n" for joint in LAYOUT.joints if joint != "head")
    head = "JOINT head { OFFSET 1 2 3 CHANNELS 2 Yposition Xrotation End Site { OFFSET 9 9 9 } }"
    root = f"HIERARCHY\nROOT all of us {{\nOFFSET 10 0 0\nCHANNELS 0\n{joints}{head}\n}}\n"
    file = written(tmp_path, root + "MOTION\nFrames:\t1\nframe time:   .04\n50 90")
    with pytest.warns(SourceWarning, match="left out: all of us"):
        clip = read_one(importer(scale=0.1, fps=12.0), file)
    np.testing.assert_allclose(clip.xyz[0, 0, LAYOUT.index("head")], [1.1, 5, 0.3], rtol=1e-6)
    assert clip.fps == 12.0


def test_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    clip = read_one(importer(), written(tmp_path, TEXT))
    other = read_one(importer(), written(tmp_path, b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(), "w.bvh"))
    np.testing.assert_array_equal(other.xyz, clip.xyz)


def test_labels_come_from_the_json_files_beside(tmp_path: Path) -> None:
    for name, content in {"a": {"content": 2, "style": 5}, "b": {"author": "x"}, "d": {"content": -1}}.items():
        written(tmp_path, json.dumps(content), f"{name}.json")
    for name in "abcd":
        written(tmp_path, TEXT, f"{name}.bvh")
    bvh = importer(path=tmp_path)
    assert bvh.classes == ("content 0", "content 1", "content 2")
    *good, wrong = bvh.find(tmp_path)
    found = [read_one(bvh, source) for source in good]
    assert [(clip.id, clip.label, clip.setup) for clip in found] == [("a", 2, 5), ("b", None, -1), ("c", None, -1)]
    with pytest.raises(SourceError, match=r"d\.json: expected content and style .* found {'content': -1}"):
        bvh.read(wrong)


def test_no_json_means_no_classes(tmp_path: Path) -> None:
    written(tmp_path, TEXT)
    assert importer(path=tmp_path).classes == ()


def changed(old: str, new: str, count: int = 1) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, count)


LAST = TEXT.split("\n")[-2]
MISTAKES: dict[str, tuple[str, str]] = {
    "empty": ("", "the hierarchy ends here, expected HIERARCHY"),
    "other file": ("<html>", ":1: expected HIERARCHY, found '<html>'"),
    "no motion": (TEXT[: TEXT.index("MOTION")], "ends before MOTION"),
    "open brace": (changed("\n}\nMOTION", "\nMOTION"), "hierarchy ends here, expected OFFSET"),
    "two roots": (changed("MOTION", "ROOT other\n{\n}\nMOTION"), "expected MOTION after the root.*found 'ROOT'"),
    "no root": (changed("ROOT", "JOINT"), ":2: expected ROOT, found 'JOINT'"),
    "statement": (changed("OFFSET", "OFSET"), ":4: expected OFFSET, .* in joint spine_mid, found 'OFSET'"),
    "text offset": (re.sub(r"OFFSET \S+", "OFFSET x", TEXT, count=1), ":4: expected an OFFSET of 3 numbers, found 'x"),
    "infinite offset": (re.sub(r"OFFSET \S+", "OFFSET inf", TEXT, count=1), "expected an OFFSET of 3 numbers"),
    "no offset": (re.sub(r"OFFSET .*", "", TEXT, count=1), "joint spine_mid has no OFFSET"),
    "end site": (changed("End Site", "End Sight"), "expected Site, found 'Sight'"),
    "channel": (changed("rotation", "rot"), ":5: expected . CHANNELS such as Xposition.*found '.rot'"),
    "seven channels": (re.sub(r"CHANNELS \d", "CHANNELS 7", TEXT, count=1), "number of CHANNELS up to 6, found '7'"),
    "fewer frames": (changed("Frames: 3", "Frames: 2"), "expected the 2 frames that the file promises, found 3"),
    "no number of frames": (changed("Frames: 3", "Frames: x"), "expected Frames: and a positive number, found 'Fram"),
    "no time": (changed("Frame Time: 0.0333333", "Frame Time: 0"), "expected Frame Time: and a positive number"),
    "nothing after": (TEXT[: TEXT.index("Frames:")], "expected Frames: and a positive number, found 'nothing'"),
    "short row": (changed(LAST, LAST.rpartition(" ")[0]), f":{TEXT.count(chr(10))}: expected .* numbers.*found"),
    "text in a row": (changed(LAST.split()[4], "1,5"), "expected a number as value 5, found '1,5'"),
    "NaN in a row": (changed(LAST.split()[0], "nan"), "expected a number as value 1, found 'nan'"),
    "absurd": (re.sub(r"OFFSET \S+", "OFFSET 1e300", TEXT), "positions without bounds"),
    "joints without channels": (
        f"HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n{'JOINT b {OFFSET 0 0 0}' * 99}\n}}\n"
        "MOTION\nFrames: 999\nFrame Time: 1\n" + "0\n" * 999,
        "100 joints, most of them without channels",
    ),
    "no channels": (
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n}\nMOTION\nFrames: 1\nFrame Time: 1\n",
        "expected the 1 frames that the file promises, found 0",
    ),
    "joint": (changed("JOINT head", "JOINT hat"), "no joint for head of layout florence15; .*: hat"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    text, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        importer().read(source_of(written(tmp_path, text)))
    assert "walk.bvh" in caught.value.path
    assert caught.value.fix


@settings(max_examples=40, deadline=None)
@given(st.integers(0, TEXT.rindex(" ")))
def test_cut_anywhere_is_our_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    with pytest.raises(SourceError):
        importer().read(source_of(written(tmp_path_factory.mktemp("cut"), TEXT[:cut])))


@pytest.mark.filterwarnings("ignore:people measure")
@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.binary(min_size=1, max_size=3))
def test_damage_anywhere_is_our_error_or_a_clip(
    tmp_path_factory: pytest.TempPathFactory, at: int, damage: bytes
) -> None:
    data = TEXT.encode()
    file = written(tmp_path_factory.mktemp("hurt"), data[:at] + damage + data[at + len(damage) :])
    try:
        assert np.isfinite(read_one(importer(), file).xyz).all()
    except SourceError as error:
        assert "walk.bvh" in error.path  # noqa: PT017 - a clip is as good


@pytest.mark.realdata
@pytest.mark.filterwarnings("ignore:joints that layout bandai21")
def test_real_files_equal_a_slow_reading() -> None:
    bvh = importer(path=realdata_path("samples/bvh"), joints="bandai21")
    theirs = {joint: name for name, joint in bvh.layout.aliases}
    theirs |= {"chest": "Chest", "neck": "Neck", "head": "Head", "left_toes": "Toes_L", "right_toes": "Toes_R"}
    for source in bvh.find(bvh.path):
        clip, places = read_one(bvh, source), slow_reading(source.file.read_bytes().decode())
        expected = np.stack([places[theirs[joint]] for joint in bvh.layout.joints], axis=1)
        np.testing.assert_allclose(clip.xyz[0], expected * 0.01, atol=1e-6)
        assert (clip.fps, clip.label) == (30.0, 6)


@pytest.mark.realdata
def test_real_people_are_of_human_size_and_their_bones_keep_their_length() -> None:
    bvh = importer(path=realdata_path("samples/bvh"), joints="bandai21")
    assert bvh.classes == tuple(f"content {k}" for k in range(7))
    for source in bvh.find(bvh.path):
        with pytest.warns(SourceWarning, match="left out: joint_Root"):
            clip = read_one(bvh, source)
        layout, xyz = bvh.layout, clip.xyz[0]
        lengths = np.stack([np.linalg.norm(xyz[:, joint] - xyz[:, parent], axis=1) for joint, parent in layout.bones])
        np.testing.assert_allclose(lengths, lengths[:, :1].repeat(len(xyz), axis=1), atol=1e-5)
        assert ((lengths > 0.04) & (lengths < 0.45)).all()
        assert (xyz[:, layout.index("head"), 1] > 1).all()
        assert (np.abs(xyz[:, layout.index("left_toes"), 1]) < 0.15).all()
        left = xyz[:, layout.index("left_shoulder")] - xyz[:, layout.index("left_clavicle")]
        np.testing.assert_allclose(np.linalg.norm(left, axis=1), 0.0535, atol=1e-3)
