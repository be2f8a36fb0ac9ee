from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import realdata_path
from kineme.datasets.ntu_format import Recording, parse_skeleton
from kineme.errors import SourceError
from skeleton_text import FIRST_ID, skeleton_text, tracks_text, walker

PATH = Path("S001C001P001R001A001.skeleton")


def parse(text: str | bytes) -> Recording:
    return parse_skeleton(PATH, text.encode() if isinstance(text, str) else text, 25)


def assert_same(one: Recording, other: Recording) -> None:
    assert (one.num_frames, one.bodies) == (other.num_frames, other.bodies)
    for name in ("frame", "body", "xyz"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def two_bodies() -> str:
    return tracks_text(4, [([0, 1, 3], walker(3)), ([1, 2], walker(2, seed=1))])


def test_observations_are_in_file_order() -> None:
    recording = parse(two_bodies())
    assert recording.num_frames == 4
    assert recording.frame.tolist() == [0, 1, 1, 2, 3]
    assert recording.body.tolist() == [0, 0, 1, 1, 0]
    assert recording.xyz.dtype == np.float32
    np.testing.assert_allclose(recording.xyz[recording.body == 0], walker(3), rtol=1e-6)


def test_ids_that_a_float_cannot_tell_apart() -> None:
    body = walker(1)[0]
    recording = parse(skeleton_text([[("72057594037931101", body), ("72057594037931102", body)]]))
    assert float("72057594037931101") == float("72057594037931102")
    assert recording.bodies == ("72057594037931101", "72057594037931102")


def test_exponents_become_the_nearest_float32_of_the_double() -> None:
    text = two_bodies().split("\n")
    text[4] = "-4.63308E-05 1.234568E+01 283 277.4 191 1036.2 519 0 0 0 0 2"
    expected = np.array([float("-4.63308E-05"), float("1.234568E+01"), 283.0]).astype(np.float32)
    np.testing.assert_array_equal(parse("\n".join(text)).xyz[0, 0], expected)


@pytest.mark.realdata
def test_real_file_with_windows_line_ends_is_the_same() -> None:
    folder = realdata_path("samples/ntu")
    unix = (folder / "S001C001P001R001A001.skeleton").read_bytes()
    windows = (folder / "S001C001P001R001A001.crlf.skeleton").read_bytes()
    assert b"\r\n" in windows
    assert_same(parse(unix), parse(windows))


@pytest.mark.realdata
def test_real_file_equals_an_independent_reading() -> None:
    file = realdata_path("samples/ntu/S001C001P001R001A001.skeleton")
    other = np.load(f"{file}.npy", allow_pickle=True).item()
    recording = parse(file.read_bytes())
    assert recording.num_frames == len(other["nbodys"])
    np.testing.assert_array_equal(recording.xyz, other["skel_body0"].astype(np.float32))


@pytest.mark.realdata
def test_walk_and_fast_path_agree_on_every_real_file() -> None:
    for file in realdata_path("samples/ntu").glob("*A0??.skeleton"):
        plain = file.read_bytes()
        odd = plain.replace(b" ", b"  ", 1)  # a doubled blank sends the whole file to the walk
        assert_same(parse(plain), parse(odd))


def replaced(line: int, new: str) -> str:
    """The two-body text with one line (1-based) exchanged."""
    lines = two_bodies().split("\n")
    lines[line - 1] = new
    return "\n".join(lines)


JOINT = "0.1 0.2 0.3 277.4 191 1036.2 519 0 0 0 0 2"
MISTAKES = {
    "empty": ("", 1, "empty"),
    "blank": ("\n\n", 1, "empty"),
    "not a skeleton": ("<html>\n<body>", 1, "number of frames, found '<html>'"),
    "binary": (b"\x93NUMPY\x01\x00\xff", 1, "number of frames"),
    "too few frames": (replaced(1, "9"), 140, "the file ends here, expected the number of bodies in frame 5 of the 9"),
    "too many frames": (replaced(1, "3"), 113, "expected the end of the file after 3 frames, found '1'"),
    "negative frames": (replaced(1, "-4"), 1, "number of frames, found '-4'"),
    "frame count with a point": (replaced(1, "4.0"), 1, "number of frames, found '4.0'"),
    "too many bodies": (replaced(2, "2"), 30, "a body's id and states in frame 1 of the 4"),
    "too few bodies": (replaced(2, "0"), 3, "the number of bodies in frame 2"),
    "negative bodies": (replaced(2, "-1"), 2, "number of bodies in frame 1 of the 4 that line 1 promises, found '-1'"),
    "20 joints": (replaced(4, "20"), 4, "expected 25 joints in frame 1 of the 4 that line 1 promises, found 20"),
    "short joint line": (replaced(5, "0.1 0.2 0.3"), 5, "12 values, found 3"),
    "long joint line": (replaced(5, JOINT + " 2"), 5, "12 values, found 13"),
    "cut before the last value": (two_bodies()[:-2], 140, "12 values, found 11"),
    "word": (
        replaced(6, JOINT.replace("0.2", "O.2")),
        6,
        "joint 2 in frame 1 of the 4 that line 1 promises as numbers",
    ),
    "NaN": (replaced(7, JOINT.replace("0.3", "NaN")), 7, "finite coordinates of joint 3"),
    "infinity": (replaced(7, JOINT.replace("0.3", "-Infinity")), 7, "finite coordinates of joint 3"),
    "beyond float32": (replaced(7, JOINT.replace("0.3", "1E39")), 7, "finite coordinates of joint 3"),
    "id with a point": (replaced(3, "7.2E+16 0 1 1 1 1 0 0 0 2"), 3, "body id of digits in frame 1"),
    "trailing garbage": (
        two_bodies() + "the end\n",
        141,
        "expected the end of the file after 4 frames, found 'the end'",
    ),
    "trailing frame": (two_bodies() + "0\n", 141, "expected the end of the file after 4 frames, found '0'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named_with_its_line(mistake: str) -> None:
    text, line, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=r"S001C001P001R001A001\.skeleton") as caught:
        parse(text)
    assert caught.value.line == line
    assert problem in caught.value.problem
    assert caught.value.fix


@pytest.mark.parametrize("text", ["0\n", "3\n0\n0\n0\n"])
def test_nobody_in_any_frame(text: str) -> None:
    with pytest.raises(SourceError, match="no body in any of the"):
        parse(text)


TEXT = tracks_text(3, [([0, 2], walker(2)), ([0], walker(1, seed=1))]).encode()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2 * len(TEXT)), st.booleans())
def test_cut_anywhere_is_the_same_clip_or_our_error(cut: int, windows: bool) -> None:
    text = TEXT.replace(b"\n", b"\r\n") if windows else TEXT
    try:
        recording = parse(text[: cut % len(text)])
    except SourceError:
        return
    assert_same(recording, parse(TEXT))
    assert str(FIRST_ID) in recording.bodies


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=3))
def test_overwritten_bytes_never_end_in_another_error(at: int, junk: bytes) -> None:
    try:
        recording = parse(TEXT[:at] + junk + TEXT[at + len(junk) :])
    except SourceError:
        return
    assert np.isfinite(recording.xyz).all()
