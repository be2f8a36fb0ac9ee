"""Small stores and configurations that several tests share."""

import numpy as np

from kineme.layout import Layout
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore


def small_store(
    num_clips: int = 24, classes: int = 3, subjects: int = 4, cameras: int = 3, seed: int = 0, labelled: bool = True
) -> SkeletonStore:
    """Labelled kinect20 clips of 20 to 40 frames, one body; class k swings its right arm k + 1 times.

    Labels change fastest, so that every subject and every camera shows every class.
    """
    rng = np.random.default_rng(seed)
    layout = Layout.get("kinect20")
    rest = rng.normal(size=(layout.num_joints, 3)) * 0.3
    arm = [v for v, joint in enumerate(layout.joints) if joint.startswith("right_")]
    number = np.arange(num_clips)
    label, group = number % classes, number // classes
    subject, camera = group % subjects, group % cameras

    def clip(i: int) -> np.ndarray:
        phase = np.linspace(0, 2 * np.pi * (label[i] + 1), int(rng.integers(20, 41)))
        xyz = rest * (1 + 0.05 * subject[i]) + rng.normal(size=(len(phase), layout.num_joints, 3)) * 0.01
        xyz[:, arm, 1] += 0.3 * np.sin(phase)[:, None]
        return xyz + np.array([camera[i] * 0.5, 1.0, 3.0])

    return SkeletonStore.from_arrays(
        [clip(i) for i in range(num_clips)],
        layout,
        labels=label.tolist() if labelled else None,
        classes=[f"swing {k + 1} times" for k in range(classes)] if labelled else None,
        subject=(subject + 1).tolist(),
        camera=(camera + 1).tolist(),
    )


def tiny_config(**changes: object) -> RunConfig:
    """MAE with an encoder that trains in seconds."""
    plain = {
        "method": {"name": "mae", "mask_ratio": 0.75, "decoder_width": 16, "decoder_depth": 1, "decoder_heads": 2},
        "encoder": {"name": "skeleton_transformer", "width": 16, "depth": 1, "heads": 2, "segment": 4},
        "prepare": {"window": 16, "bodies": 1},
        "train": {"epochs": 2, "batch_size": 8, "warmup_epochs": 1, "log_steps": 1, "checkpoint_epochs": 1},
        "probe": {"epochs": 5},
    }
    return RunConfig.parse({**plain, **changes})
