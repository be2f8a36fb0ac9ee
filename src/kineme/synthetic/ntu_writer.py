"""Recordings as raw NTU RGB+D ``.skeleton`` text, to the letter of what the Kinect v2 recorder wrote.

The number of frames; per frame the number of bodies; per body a line of 10 tokens, the number of joints, and per
joint 12 tokens: x y z, depth pixel, colour pixel, orientation quaternion, tracking state. Numbers have up to
seven significant digits. Orientations are left 0, as the sensor itself does for end joints.
"""

from pathlib import Path

import numpy as np

from kineme.synthetic.body import LAYOUT
from kineme.synthetic.recording import Recording, plan_takes, record

# Typical intrinsics of a Kinect v2: focal length, then principal point in pixels.
_DEPTH_LENS = (365.5, 256.0, 208.5)
_COLOR_LENS = (1060.0, 975.0, 567.0)

_BODY_LINE = "%d 0 1 1 1 1 0 %.7G %.7G 2\n" + f"{LAYOUT.num_joints}\n"
_JOINT_LINE = "%.7G " * 7 + "0 0 0 0 %d\n"
_BODY = _BODY_LINE + _JOINT_LINE * LAYOUT.num_joints


def write_ntu_files(folder: str | Path, num_subjects: int = 8, clips_per: int = 6, seed: int = 0) -> list[Path]:
    """Write ``SsssCcccPpppRrrrAaaa.skeleton`` files; class k has the action code A(k + 1).

    Args:
        folder: made where it does not exist.
        num_subjects, clips_per: see `kineme.synthetic.recording.plan_takes`.
        seed: decides everything.

    Returns:
        The files, in the order of the takes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for take in plan_takes(num_subjects, clips_per):
        files.append(folder / f"{take.name}.skeleton")
        files[-1].write_bytes(to_ntu_text(record(take, seed)).encode("ascii"))
    return files


def to_ntu_text(recording: Recording) -> str:
    """Text of one ``.skeleton`` file."""
    present = recording.clip.present
    bodies = _body_texts(recording)
    frames = [
        f"{int(present[:, t].sum())}\n" + "".join(bodies[m][t] for m in np.flatnonzero(present[:, t]))
        for t in range(present.shape[1])
    ]
    return f"{len(frames)}\n" + "".join(frames)


def _body_texts(recording: Recording) -> list[list[str]]:
    """Text of every body in every frame, [M][T]."""
    xyz = recording.clip.xyz
    # Absent bodies are zero and have no pixel; their text is never used.
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = [_project(xyz, lens) for lens in (_DEPTH_LENS, _COLOR_LENS)]
    joints = np.concatenate([xyz, *pixels, recording.state[..., None]], axis=-1, dtype=np.float32)
    numbers = np.concatenate([_lean(xyz), joints.reshape(*joints.shape[:2], -1)], axis=-1)
    return [
        [_BODY % (body_id, *values) for body_id, values in zip(ids, rows, strict=True)]
        for ids, rows in zip(recording.body_ids.tolist(), numbers.tolist(), strict=True)
    ]


def _project(xyz: np.ndarray, lens: tuple[float, float, float]) -> np.ndarray:
    """(..., 2) pixel at which a camera with this lens sees (..., 3) points; rows count downwards."""
    focal, column, row = lens
    slope = focal * xyz[..., :2] / xyz[..., 2:]
    return np.stack([column + slope[..., 0], row - slope[..., 1]], axis=-1)


def _lean(xyz: np.ndarray) -> np.ndarray:
    """(M, T, 2) lean of the trunk to the right and forward, 1 being 45 degrees, as the sensor reports it."""
    trunk = xyz[:, :, LAYOUT.index("spine_shoulder")] - xyz[:, :, LAYOUT.index("spine_base")]
    return np.clip(trunk[..., [0, 2]] * [1, -1] / np.maximum(trunk[..., 1:2], 1e-3), -1, 1).astype(np.float32)
