import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import realdata_path
from kineme.datasets import ntu_format
from kineme.datasets.ntu_format import FastReader, Parsed, Recording, fastest_reader, parse_skeleton
from kineme.datasets.ntu_vectorised import read_vectorised
from kineme.errors import SourceError
from skeleton_text import FIRST_ID, skeleton_text, tracks_text, walker

PATH = Path("S001C001P001R001A001.skeleton")


def read_nothing(data: bytes, num_joints: int) -> Parsed:
    """A fast reader that leaves everything to the walk, by which the others are judged."""
    raise ValueError


FAST_READERS: list[FastReader] = [read_vectorised]
if find_spec("numba"):
    from kineme.datasets.ntu_compiled import read_compiled

    FAST_READERS.append(read_compiled)
with_every_reader = pytest.mark.parametrize("fast", [*FAST_READERS, read_nothing])


def parse(text: str | bytes, fast: FastReader = read_vectorised) -> Recording:
    return parse_skeleton(PATH, text.encode() if isinstance(text, str) else text, 25, fast)


def outcome(text: bytes, fast: FastReader) -> tuple[object, ...]:
    """All that came of a text: the recording, to the last bit, or the error."""
    try:
        recording = parse(text, fast)
    except SourceError as error:
        return error.line, error.problem
    assert np.isfinite(recording.xyz).all()
    frame, body = recording.frame.tolist(), recording.body.tolist()
    return recording.num_frames, recording.bodies, frame, body, recording.xyz.tobytes()


def assert_all_agree(text: bytes) -> None:
    expected = outcome(text, read_nothing)
    for fast in FAST_READERS:
        assert outcome(text, fast) == expected


def assert_same(one: Recording, other: Recording) -> None:
    assert (one.num_frames, one.bodies) == (other.num_frames, other.bodies)
    for name in ("frame", "body", "xyz"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def two_bodies() -> str:
    return tracks_text(4, [([0, 1, 3], walker(3)), ([1, 2], walker(2, seed=1))])


@with_every_reader
def test_observations_are_in_file_order(fast: FastReader) -> None:
    recording = parse(two_bodies(), fast)
    assert recording.num_frames == 4
    assert recording.frame.tolist() == [0, 1, 1, 2, 3]
    assert recording.body.tolist() == [0, 0, 1, 1, 0]
    assert recording.xyz.dtype == np.float32
    np.testing.assert_allclose(recording.xyz[recording.body == 0], walker(3), rtol=1e-6)


@with_every_reader
def test_ids_that_a_float_cannot_tell_apart(fast: FastReader) -> None:
    body = walker(1)[0]
    recording = parse(skeleton_text([[("72057594037931101", body), ("72057594037931102", body)]]), fast)
    assert float("72057594037931101") == float("72057594037931102")
    assert recording.bodies == ("72057594037931101", "72057594037931102")


@with_every_reader
@pytest.mark.parametrize("text", ["0\n", "3\n0\n0\n0\n", "400\n" + "0\n" * 400])
def test_nobody_in_any_frame(text: str, fast: FastReader) -> None:
    recording = parse(text, fast)
    assert recording.num_frames == int(text.partition("\n")[0])
    assert recording.bodies == ()
    assert recording.xyz.shape == (0, 25, 3)


@pytest.mark.parametrize("fast", FAST_READERS)
def test_what_is_in_order_is_read_fast(fast: FastReader, monkeypatch: pytest.MonkeyPatch) -> None:
    if fast is not read_vectorised:
        monkeypatch.setattr("kineme.datasets.ntu_compiled.read_vectorised", read_nothing)
    text = two_bodies().encode()
    for whole in (text, text[:-1]):  # without the last line end too
        num_frames, bodies, frame, body, xyz = fast(whole, 25)
        assert (num_frames, frame.tolist()) == (4, [0, 1, 1, 2, 3])
        assert (bodies[0], body[0]) == (str(FIRST_ID), 0)
        np.testing.assert_array_equal(xyz, parse(whole, read_nothing).xyz)


OTHERS = "277.4 191 1036.2 519 0 0 0 0 2"
plain = st.builds("{:.{}f}".format, st.floats(-20, 20), st.integers(0, 9))
kinect = st.floats(-1e3, 1e3).map("{:.7G}".format)
number = (
    plain | kinect | st.floats(allow_nan=False, width=32).map(repr) | st.from_regex(r"-?[0-9.]{1,18}", fullmatch=True)
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(number | st.sampled_from(["-0", "1e5", "1E-05", "-2.5E-7", "1E-", ".5", "5.", "-", ".", "1E-30", "7_0"]))
)
def test_every_number_becomes_the_nearest_float32_of_the_nearest_double(numbers: list[str]) -> None:
    numbers = [*numbers, *["0.5"] * 75][:75]
    lines = [" ".join([*numbers[i : i + 3], OTHERS]) for i in range(0, 75, 3)]
    assert_all_agree("\n".join(["1", "1", "7 0 1 1 1 1 0 0.02 0.05 2", "25", *lines, ""]).encode())


def test_numba_is_optional_and_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ntu_format, "find_spec", lambda _: None)
    assert fastest_reader.__wrapped__() is read_vectorised
    program = "import sys, kineme.datasets.ntu; raise SystemExit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


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
def test_all_readers_agree_on_every_real_file() -> None:
    for file in realdata_path("samples/ntu").glob("*A0??.skeleton"):
        assert_all_agree(file.read_bytes())


def replaced(line: int, new: str) -> str:
    """The two-body text with one line (1-based) exchanged."""
    lines = two_bodies().split("\n")
    lines[line - 1] = new
    return "\n".join(lines)


JOINT = f"0.1 0.2 0.3 {OTHERS}"
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


@with_every_reader
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named_with_its_line(mistake: str, fast: FastReader) -> None:
    text, line, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=r"S001C001P001R001A001\.skeleton") as caught:
        parse(text, fast)
    assert caught.value.line == line
    assert problem in caught.value.problem
    assert caught.value.fix


REPAIRED = {
    "doubled blank": replaced(5, JOINT.replace(" ", "  ", 1)),
    "tabs": replaced(5, JOINT.replace(" ", "\t")),
    "blank at the end of a line": replaced(5, JOINT + " "),
    "leading zero": replaced(4, "025"),
    "blank lines at the end": two_bodies() + "\n \n",
    "no line end at the end": two_bodies()[:-1],
    "Windows line ends": two_bodies().replace("\n", "\r\n"),
}


@with_every_reader
@pytest.mark.parametrize("oddity", REPAIRED)
def test_harmless_oddity_is_read(oddity: str, fast: FastReader) -> None:
    recording = parse(REPAIRED[oddity], fast)
    np.testing.assert_array_equal(recording.xyz[1:], parse(two_bodies()).xyz[1:])


LONELY = {
    "value too many and one too few": replaced(5, JOINT + " 2").replace("191 ", "", 1),
    "two blanks for a value": replaced(5, JOINT.replace("191 ", " ")),
    "control character": replaced(5, JOINT.replace("191 ", "191\x0b")),
    "not ASCII": replaced(5, JOINT.replace("191", "é")),
    "more bodies than memory": replaced(2, "999999999"),
    "more frames than memory": replaced(1, "999999999"),
    "count of ten digits": replaced(2, "0000000001"),
}


@pytest.mark.parametrize("oddity", LONELY)
def test_readers_agree_on(oddity: str) -> None:
    assert_all_agree(LONELY[oddity].encode())


TEXT = tracks_text(3, [([0, 2], walker(2)), ([0], walker(1, seed=1))]).encode()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2 * len(TEXT)), st.booleans())
def test_cut_anywhere_is_the_same_recording_or_our_error(cut: int, windows: bool) -> None:
    text = TEXT.replace(b"\n", b"\r\n") if windows else TEXT
    part = text[: cut % len(text)]
    assert_all_agree(part)
    assert isinstance(outcome(part, read_nothing)[1], str) or outcome(part, read_nothing) == outcome(TEXT, read_nothing)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=3) | st.text(" \n0.-E", max_size=2).map(str.encode))
def test_overwritten_bytes_are_read_alike_or_our_error(at: int, junk: bytes) -> None:
    assert_all_agree(TEXT[:at] + junk + TEXT[at + len(junk) :])
