"""A skeleton of your own: a text file, and everything else follows: python examples/custom_layout.py"""

from pathlib import Path

import numpy as np
import torch
import tyro

from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.transforms import Bone, Preparation, RandomMirror, ToLayout, eval_pipeline

UPPER_BODY = """
unit = "m"
up = "+y"
origin = ["spine_shoulder"]
across = ["left_shoulder", "right_shoulder"]

[tree] # joint = parent, in the order of your arrays; the root has ""
spine_shoulder = ""
head = "spine_shoulder"
left_shoulder = "spine_shoulder"
left_elbow = "left_shoulder"
left_hand = "left_elbow"
right_shoulder = "spine_shoulder"
right_elbow = "right_shoulder"
right_hand = "right_elbow"

[parts]
trunk = ["spine_shoulder", "head"]
left_arm = ["left_shoulder", "left_elbow", "left_hand"]
right_arm = ["right_shoulder", "right_elbow", "right_hand"]
"""


def main(out: Path = Path("runs/custom-layout")) -> None:
    """Write the layout, fill a store with it, and use what the layout knows."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "upper_body.toml"
    file.write_text(UPPER_BODY, encoding="utf-8")
    layout = Layout.get(file)
    print(f"{layout.name}: {layout.num_joints} joints; mirror {layout.mirror}; bones {layout.bones}")

    waves = [np.random.default_rng(i).normal(0, 0.3, (60, layout.num_joints, 3)) for i in range(4)]
    store = SkeletonStore.from_arrays(waves, layout, fps=30)

    generator = torch.Generator().manual_seed(0)
    batch = eval_pipeline(Preparation(window=32, bodies=1))(store.gather([0, 1, 2, 3]), generator)
    mirrored = RandomMirror(0.5)(batch, generator)
    bones = Bone()(batch, generator)
    print(f"clips {tuple(mirrored.xyz.shape)}, bones {tuple(bones.xyz.shape)}")

    # NTU's 25 joints to these 8, by name.
    ntu = SkeletonStore.from_arrays([np.zeros((10, 25, 3)) + 1], "kinect25")
    print(tuple(ToLayout(layout)(ntu.gather([0]).pad(), generator).xyz.shape))


if __name__ == "__main__":
    tyro.cli(main)
