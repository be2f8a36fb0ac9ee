"""Raw files: the grammar of ``.skeleton`` text, and the way back through the parser."""

import re
from pathlib import Path

import numpy as np
import pytest

from kineme.datasets import datasets
from kineme.synthetic import SYNTHETIC_CLASSES, Take, generate_clip, write_ntu_files
from kineme.synthetic.body import LAYOUT
from raw import read_one

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?(E-\d{2})?")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_ntu_files(tmp_path_factory.mktemp("raw"), num_subjects=2, clips_per=2, seed=3)


def _check_number(token: str) -> None:
    assert _NUMBER.fullmatch(token), token
    digits = re.sub(r"E.*|[-.]", "", token).lstrip("0")
    assert len(digits) <= 7, token


def _check_body(lines: list[str]) -> None:
    """One body: its line, the joint count, and the joints."""
    tokens = lines[0].split(" ")
    assert len(tokens) == 10
    assert re.fullmatch(r"\d{17}", tokens[0])
    assert all(-1 <= float(lean) <= 1 for lean in tokens[7:9])
    assert int(lines[1]) == LAYOUT.num_joints
    for line in lines[2:]:
        joint = line.split(" ")
        assert len(joint) == 12
        for token in joint[:11]:
            _check_number(token)
        assert joint[11] in ("1", "2")


def test_grammar(files: list[Path]) -> None:
    body_lines = 2 + LAYOUT.num_joints
    for file in files[::7]:
        text = file.read_bytes().decode("ascii")
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert "\r" not in text
        lines = text.splitlines()
        at = 1
        for _ in range(int(lines[0])):
            bodies = int(lines[at])
            for body in range(bodies):
                start = at + 1 + body * body_lines
                _check_body(lines[start : start + body_lines])
            at += 1 + bodies * body_lines
        assert at == len(lines)


def test_pixels_lie_in_the_images(files: list[Path]) -> None:
    joints = [line.split(" ") for line in files[0].read_text().splitlines() if line.count(" ") == 11]
    depth, color = np.array(joints, dtype=float)[:, 3:5], np.array(joints, dtype=float)[:, 5:7]
    assert (depth > 0).all()
    assert (depth < [512, 424]).all()
    assert (np.median(color, axis=0) < [1920, 1080]).all()


def test_same_seed_same_bytes(files: list[Path], tmp_path: Path) -> None:
    again = write_ntu_files(tmp_path, num_subjects=2, clips_per=2, seed=3)
    assert [file.name for file in again] == [file.name for file in files]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(files, again, strict=True))


def test_the_parser_reads_back_what_was_recorded(files: list[Path]) -> None:
    dataset = datasets.get("synthetic")()
    assert dataset.classes == SYNTHETIC_CLASSES
    assert dataset.listed_missing == frozenset()
    sources = dataset.find(files[0].parent)
    assert len(sources) == len(files)
    same = 0
    for source in sources:
        clip = read_one(dataset, source)
        assert clip.label is not None
        take = Take(
            label=clip.label,
            subject=clip.subject,
            camera=clip.camera,
            replication=clip.replication,
            setup=clip.setup,
        )
        true = generate_clip(take, seed=3)
        assert clip.id == true.id
        if clip.xyz.shape == true.xyz.shape:
            # The parser orders bodies by its own rule.
            orders = (true.xyz, true.xyz[::-1])
            same += any(np.allclose(clip.xyz, xyz, atol=1e-6) for xyz in orders)
    assert same > 0.8 * len(files)
