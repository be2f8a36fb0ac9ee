import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from conftest import realdata_path
from kineme.errors import SourceError
from kineme.importers.asfamc import ASFAMC
from kineme.layout import Layout
from raw import read_one, source_of

LAYOUT = Layout.get("cmu31")
THEIRS = {joint: joint for joint in LAYOUT.joints} | {ours: theirs for theirs, ours in LAYOUT.aliases}
NAMES = [THEIRS[joint] for joint in LAYOUT.joints]
PARENTS = [THEIRS.get(parent, "") for parent in LAYOUT.tree]
RIGID = ("lhipjoint", "rhipjoint")


def numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6g}" for value in values)


def asf_text() -> str:
    dice = np.random.default_rng(0)
    lines = ["# made for a test", ":version 1.10", ":units", "  mass 1.0", "  length 0.45", "  angle deg"]
    lines += [":root", "  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 1 2 3", "  orientation 10 20 30"]
    lines += [":bonedata"]
    for number, name in enumerate(NAMES[1:], start=1):
        direction = dice.normal(size=3)
        lines += ["  begin", f"     id {number}", f"     name {name}"]
        lines += [f"     direction {numbers(direction / np.linalg.norm(direction))}"]
        lines += [f"     length {dice.uniform(1, 8):.6g}", f"     axis {numbers(dice.uniform(-180, 180, 3))}   XYZ  "]
        if name not in RIGID:
            dof = ["rx", "ry", "rz"] if number % 3 == 0 else [["rx"], ["ry", "rz"]][number % 2]
            lines += [f"    dof {' '.join(dof)}", *["    limits (-160.0 20.0)", "           (-70.0 70.0)"][: len(dof)]]
        lines += ["  end"]
    lines += [":hierarchy", "  begin"]
    for name in NAMES:
        children = [child for child, parent in zip(NAMES, PARENTS, strict=True) if parent == name]
        lines += [f"    {' '.join([name, *children])}"] if children else []
    return "\n".join([*lines, "  end", ""])


ASF = asf_text()
DOF = {"root": 6} | {
    re.findall(r"name (\S+)", bone)[0]: len(re.findall(r"dof (.*)", bone)[0].split())
    for bone in ASF.split("begin")[1:-1]
    if "dof" in bone
}


def amc_text(frames: int = 3) -> str:
    dice = np.random.default_rng(1)
    lines = ["#!OML:ASF somewhere", ":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(frames):
        lines += [str(frame + 1), *(f"{name} {numbers(dice.uniform(-170, 170, n))}" for name, n in DOF.items())]
    return "\n".join([*lines, ""])


AMC = amc_text()


def slow_reading(asf: str, amc: str) -> dict[str, np.ndarray]:
    """Ends of all bones (T, 3) in metres, frame by frame with recursion up to the root."""
    bones = {re.findall(r"name (\S+)", text)[0]: text for text in re.findall(r"begin\s+id.*?end", asf, re.DOTALL)}
    upper = {}
    for line in asf.split(":hierarchy")[1].strip().splitlines():
        upper |= {child: line.split()[0] for child in line.split()[1:]}

    def entry(text: str, key: str) -> list[float]:
        return [float(word) for word in re.findall(rf"{key} ([-+.e\d ]*)", text)[0].split()]

    def end(name: str, frame: dict[str, list[float]]) -> tuple[np.ndarray, np.ndarray]:
        if name == "root":
            axes = turn("xyz", entry(asf, "orientation"))
            return entry(asf, "position") + np.array(frame[name][:3]), axes @ turn("xyz", frame[name][3:]) @ axes.T
        start, rotation = end(upper[name], frame)
        axes = turn("xyz", entry(bones[name], "axis"))
        dof = "".join(word[1] for word in re.findall(r"dof (.*)", bones[name])[0].split()) if name in frame else ""
        rotation = rotation @ axes @ turn(dof, frame.get(name, [])) @ axes.T
        return start + rotation @ entry(bones[name], "direction") * entry(bones[name], "length"), rotation

    frames = []
    for text in re.split(r"^\d+\s*$", amc, flags=re.MULTILINE)[1:]:
        frames.append(
            {words[0]: [float(word) for word in words[1:]] for words in map(str.split, text.split("\n")[1:-1])}
        )
    return {name: np.array([end(name, frame)[0] for frame in frames]) / 0.45 * 0.0254 for name in ["root", *bones]}


def turn(axes: str, degrees: list[float]) -> np.ndarray:
    """About axes that stay where they are, one after another."""
    matrix = np.eye(3)
    for axis, angle in zip(axes, degrees, strict=True):
        matrix = Rotation.from_euler(axis, angle, degrees=True).as_matrix() @ matrix
    return matrix


def written(folder: Path, asf: str = ASF, amc: str = AMC, name: str = "02_07.amc") -> tuple[Path, Path]:
    (folder / "02.asf").write_text(asf)
    (folder / name).write_text(amc)
    return folder / name, folder / "02.asf"


def test_positions_equal_a_slow_reading(tmp_path: Path) -> None:
    clip = read_one(ASFAMC(), source_of(*written(tmp_path)))
    places = slow_reading(ASF, AMC)
    np.testing.assert_allclose(clip.xyz[0], np.stack([places[name] for name in NAMES], axis=1), rtol=1e-5, atol=1e-5)
    assert (clip.id, clip.subject, clip.replication, clip.fps) == ("02_07", 2, 7, 120.0)
    assert clip.present.all()


def test_radians_and_windows_line_ends(tmp_path: Path) -> None:
    clip = read_one(ASFAMC(fps=60), source_of(*written(tmp_path)))
    scaled = re.sub(r"^(\w+) (.*)", lambda line: _in_radians(line[1], line[2]), AMC, flags=re.MULTILINE)
    amc = scaled.replace(":DEGREES", ":RADIANS").replace("\n", "\r\n")
    other = read_one(ASFAMC(), source_of(*written(tmp_path, ASF.replace("\n", "\r\n"), amc)))
    np.testing.assert_allclose(other.xyz, clip.xyz, atol=1e-4)
    assert clip.fps == 60


def _in_radians(name: str, values: str) -> str:
    parts = np.array(values.split(), float)
    turns = np.radians(parts)
    return f"{name} {numbers(np.concatenate([parts[:3], turns[3:]]) if name == 'root' else turns)}"


def test_which_skeleton_belongs_to_a_motion(tmp_path: Path) -> None:
    for folder in ("one", "two", "none"):
        (tmp_path / folder).mkdir()
    written(tmp_path / "one", name="03_01.amc")  # only 02.asf there
    written(tmp_path / "two", name="02_01.amc")
    (tmp_path / "two" / "03.asf").touch()
    (tmp_path / "two" / "05_01.amc").touch()
    (tmp_path / "none" / "walk.amc").touch()
    found = {source.id: [file.name for file in source.files[1:]] for source in ASFAMC().find(tmp_path)}
    assert found == {"02_01": ["02.asf"], "03_01": ["02.asf"], "05_01": [], "walk": []}
    with pytest.raises(SourceError, match=r"05_01\.amc: which \.asf .*put 05\.asf beside it"):
        ASFAMC().read(source_of(tmp_path / "two" / "05_01.amc"))


def test_other_names_say_nothing_about_the_subject(tmp_path: Path) -> None:
    clip = read_one(ASFAMC(), source_of(*written(tmp_path, name="walk.amc")))
    assert (clip.id, clip.subject, clip.replication) == ("walk", -1, -1)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


ASF_MISTAKES: dict[str, tuple[str, str]] = {
    "empty": ("", "no section :units"),
    "no bones": (changed(ASF, ":bonedata", ":bones"), "no section :bonedata"),
    "length of zero": (changed(ASF, "length 0.45", "length 0"), "expected a positive length"),
    "angle": (changed(ASF, "angle deg", "angle grad"), "expected angles in deg or rad, found 'grad'"),
    "no direction": (re.sub(r"direction .*", "", ASF, count=1), ":14: no direction in what begins here"),
    "direction": (re.sub(r"direction \S+", "direction x", ASF, count=1), ":16: expected direction and 3 numbers"),
    "dof": (changed(ASF, "dof ry rz", "dof ry l"), "expected dof and any of rx ry rz, found 'ry l'"),
    "twice": (changed(ASF, "dof ry rz", "dof ry ry"), "found 'ry ry'"),
    "axis": (changed(ASF, "   XYZ", "   XYY"), "expected an axis such as XYZ, found 'XYY'"),
    "order": (changed(ASF, "order TX", "order TW"), "expected order and any of tx .*, found 'tw ty"),
    "unknown bone": (changed(ASF, "root lhipjoint", "root tail"), "tail below root: both must be bones"),
    "loose bone": (changed(ASF, "rhand rfingers", "rhand"), "bone rfingers is not in the hierarchy"),
    "upside down": (changed(ASF, "  lhipjoint lfemur", "  lfemur lhipjoint"), "lhipjoint below lfemur"),
    "rigid": (re.sub(r"(dof|order) .*", "", ASF), "neither the root nor any bone has a dof"),
    "other names": (ASF.replace("lfingers", "lpaw"), "expected a bone of the .asf"),
}


@pytest.mark.parametrize("mistake", ASF_MISTAKES)
def test_mistake_in_a_skeleton_is_named(tmp_path: Path, mistake: str) -> None:
    text, problem = ASF_MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        ASFAMC().read(source_of(*written(tmp_path, asf=text)))
    assert Path(caught.value.path).name == ("02_07.amc" if mistake == "other names" else "02.asf")


def test_joints_that_the_layout_wants_and_the_skeleton_lacks(tmp_path: Path) -> None:
    files = written(tmp_path, ASF.replace("lfingers", "lpaw"), AMC.replace("lfingers", "lpaw"))
    with pytest.raises(SourceError, match=r"02\.asf: no joint for left_hand_tip of layout cmu31; .*: lpaw"):
        ASFAMC().read(source_of(*files))


LINES = AMC.split("\n")
AMC_MISTAKES: dict[str, tuple[str, str]] = {
    "empty": ("", "no frames"),
    "header only": ("\n".join(LINES[:3]), "no frames"),
    "no such bone": (changed(AMC, "\nlfemur ", "\nlfemu "), ":6: expected a bone of the .asf, found 'lfemu "),
    "too few values": (re.sub(r"^ltibia .*", "ltibia", AMC, count=1, flags=re.MULTILINE), "values of bone ltibia"),
    "no bone": ("\n".join(LINES[:4] + LINES[5:6]), ":4: no line for root in the first frame"),
    "bone twice": ("\n".join([*LINES[:5], *LINES[4:]]), ":4: no line for"),
    "other order": ("\n".join([*LINES[:40], LINES[41], LINES[40], *LINES[42:]]), ":41: expected .* values, found"),
    "frame left out": (changed(AMC, "\n2\n", "\n3\n"), "expected the number 2 of the next frame, found '3'"),
    "bone left out": ("\n".join(LINES[:40] + LINES[41:]), ":41: expected"),
    "cut": ("\n".join(LINES[:-3]), "the file ends within frame 3"),
    "first number": (AMC.replace("\n1\n", "\n" + "9" * 5000 + "\n"), "expected the number 1 of the next frame"),
    "text": (re.sub(r"\n3\nroot \S+", "\n3\nroot 1,5", AMC), "expected numbers, found '1,5'"),
    "NaN": (re.sub(r"\n3\nroot \S+", "\n3\nroot nan", AMC), "expected numbers, found 'nan'"),
    "absurd": (re.sub(r"\n3\nroot \S+", "\n3\nroot 1e300", AMC), "positions without bounds"),
}


@pytest.mark.parametrize("mistake", AMC_MISTAKES)
def test_mistake_in_a_motion_is_named(tmp_path: Path, mistake: str) -> None:
    text, problem = AMC_MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        ASFAMC().read(source_of(*written(tmp_path, amc=text)))
    assert "02_07.amc" in caught.value.path
    assert caught.value.fix


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, AMC.rindex(" ")), of=st.sampled_from(["asf", "amc"]))
def test_cut_anywhere_is_our_error_or_whole_frames(tmp_path_factory: pytest.TempPathFactory, cut: int, of: str) -> None:
    asf, amc = (ASF[:cut], AMC) if of == "asf" else (ASF, AMC[:cut])
    files = written(tmp_path_factory.mktemp("cut"), asf, amc)
    try:
        clip = read_one(ASFAMC(), source_of(*files))
    except SourceError:
        return
    whole = read_one(ASFAMC(), source_of(*written(tmp_path_factory.mktemp("whole"))))
    shown = clip.xyz[0, :-1] if of == "amc" else clip.xyz[0]  # the last number of the last frame may be cut
    np.testing.assert_array_equal(shown, whole.xyz[0, : len(shown)])


@pytest.mark.filterwarnings("ignore:people measure")
@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, len(ASF) - 1), damage=st.text("\x00 :x9-\n#", min_size=1, max_size=3))
def test_damage_anywhere_in_a_skeleton_is_our_error_or_a_clip(
    tmp_path_factory: pytest.TempPathFactory, at: int, damage: str
) -> None:
    files = written(tmp_path_factory.mktemp("hurt"), asf=ASF[:at] + damage + ASF[at + len(damage) :])
    try:
        assert np.isfinite(read_one(ASFAMC(), source_of(*files)).xyz).all()
    except SourceError as error:
        assert "02" in error.path  # noqa: PT017 - a clip is as good


@pytest.mark.realdata
def test_real_files_equal_a_slow_reading() -> None:
    importer, folder = ASFAMC(), realdata_path("samples/asfamc")
    asf = (folder / "02.asf").read_text()
    for source, frames in zip(importer.find(folder), (343, 298), strict=True):
        clip = read_one(importer, source)
        assert clip.xyz.shape == (1, frames, 31, 3)
        start = "\n".join(source.file.read_bytes().decode().replace("\r", "").split("\n")[: 3 + 30 * 4])
        places = slow_reading(asf, start + "\n")
        expected = np.stack([places[name] for name in NAMES], axis=1)
        np.testing.assert_allclose(clip.xyz[0, : len(expected)], expected, atol=1e-6)
        assert (clip.subject, clip.fps) == (2, 120.0)


@pytest.mark.realdata
def test_real_people_stand_on_the_floor_and_their_bones_keep_their_length() -> None:
    importer, folder = ASFAMC(), realdata_path("samples/asfamc")
    bones = re.findall(r"name (\S+).*?length (\S+)", (folder / "02.asf").read_text().split(":bonedata")[1], re.DOTALL)
    lengths = {name: float(length) / 0.45 * 0.0254 for name, length in bones}
    for source in importer.find(folder):
        xyz = read_one(importer, source).xyz[0]
        for joint, parent in LAYOUT.bones:
            found = np.linalg.norm(xyz[:, joint] - xyz[:, parent], axis=1)
            np.testing.assert_allclose(found, lengths[NAMES[joint]], atol=1e-5)
        height = xyz[..., 1]
        assert abs(height[0].min()) < 0.04
        assert (np.abs(height.min(axis=1)) < 0.1).all()
        assert ((height[:, LAYOUT.index("head")] > 1.4) & (height.max(axis=1) < 1.8)).all()
