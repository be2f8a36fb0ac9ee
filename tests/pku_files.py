"""Raw PKU-MMD files for tests: skeletons, labels and splits as the download has them, and its folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Row = tuple[int, int, int]
"""Label, start and end of an action, all from 1."""


def bodies(num_frames: int, second: slice = slice(0), seed: int = 0) -> np.ndarray:
    """(T, 2, 25, 3) metres with six decimals: a person throughout, and a second one in some of the frames."""
    xyz = np.random.default_rng(seed).uniform((-1, -1, 2), (1, 1, 4), (num_frames, 2, 25, 3)).round(6)
    alone = np.ones(num_frames, bool)
    alone[second] = False
    xyz[alone, 1] = 0
    return xyz


def skeleton_text(xyz: np.ndarray) -> str:
    """A line of 150 numbers per frame."""
    return "".join(" ".join(f"{value:.6f}" for value in frame.flat) + "\n" for frame in xyz)


def label_text(rows: Sequence[Row]) -> str:
    """A line of label, start, end and confidence per action."""
    return "".join(f"{label},{start},{end},2\n" for label, start, end in rows)


def split_text(train: Sequence[str], test: Sequence[str], ends: tuple[str, str] = (", ", ",")) -> str:
    """The four lines, spelt as the authors spell them; their lists end in different separators."""
    lists = (", ".join(side) + end for side, end in zip((train, test), ends, strict=True))
    return "Training videos: \n{}\nValidataion videos: \n{}\n".format(*lists)


def write_download(root: Path, videos: Mapping[str, tuple[np.ndarray, Sequence[Row]]]) -> Path:
    """The download's folders of skeletons and labels."""
    for folder in ("PKU_Skeleton_Renew", "Train_Label_PKU_final"):
        (root / folder).mkdir(parents=True)
    for name, (xyz, rows) in videos.items():
        (root / "PKU_Skeleton_Renew" / f"{name}.txt").write_text(skeleton_text(xyz))
        (root / "Train_Label_PKU_final" / f"{name}.txt").write_text(label_text(rows))
    return root
