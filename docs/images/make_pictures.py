"""Draws the pictures of the documentation: python docs/images/make_pictures.py [FOLDER]

For the README a synthetic motion, how much each token of it moves, and which tokens MAMP leaves for the encoder to
see; for the pages of the methods what ``kineme masks`` draws: of networks trained on synthetic motions where
predictions are shown. And the joints of every layout.

Those networks are kept in FOLDER, runs/pictures by default, and trained where they are not there, which takes minutes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from PIL import Image

from kineme.clips import ClipBatch
from kineme.encoders.skeleton_transformer import SkeletonTransformer, SkeletonTransformerConfig
from kineme.layout import Layout
from kineme.methods.mamp import MAMP, MAMPConfig, motion_intensity
from kineme.recipes.base import RunConfig, recipe_config
from kineme.store import SkeletonStore
from kineme.synthetic import SYNTHETIC_CLASSES, Take, generate_clip, synthetic_store
from kineme.train.build import build_method
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir
from kineme.transforms import Preparation, eval_pipeline
from kineme.viz.joint_figure import joint_figure
from kineme.viz.masking import masked_views
from kineme.viz.masking_animation import masking_animation
from kineme.viz.masking_figure import masking_figure

HERE = Path(__file__).parent
TAKE = Take(label=SYNTHETIC_CLASSES.index("kick"), subject=2, camera=3)
KICK = "S002C001P002R001A006"  # of an even subject; odd ones train
WINDOW, POSES, SPACING = 120, 9, 1.05
TURN = 0.9  # radians by which the camera goes round, so that the leg is seen from the side
BONE, HIDDEN, VISIBLE = "#9aa5b1", "#e4e8ec", "#0b6e4f"


def clip() -> ClipBatch:
    """One clip at MAMP's length, facing the viewer: (1, 1, T, V, 3)."""
    recorded = generate_clip(TAKE)
    assert recorded.present.all(), "choose a take in which the sensor never lost the person"
    store = SkeletonStore.from_arrays([recorded.xyz], "kinect25")
    pipeline = eval_pipeline(Preparation(window=WINDOW, bodies=1, yaw=True))
    return pipeline(store.gather([0]), torch.Generator())


def mamp_tokens(batch: ClipBatch) -> tuple[np.ndarray, np.ndarray]:
    """Motion of every token and whether the encoder sees it, (S, V) each."""
    encoder = SkeletonTransformer(SkeletonTransformerConfig(width=8, depth=1, heads=1), batch.layout, WINDOW)
    method = MAMP(MAMPConfig(decoder_width=8, decoder_depth=1, decoder_heads=1), encoder)
    segments = encoder.segments(batch)
    draws = method.sample([batch], torch.Generator().manual_seed(1))
    seen = torch.zeros(encoder.num_tokens, dtype=torch.bool)
    seen[method.visible(segments, draws["mask"])[0]] = True
    grid = (encoder.slots, batch.layout.num_joints)
    return motion_intensity(segments, grid[1]).view(grid).numpy(), seen.view(grid).numpy()


def poses_at(batch: ClipBatch, slots: np.ndarray, segment: int) -> np.ndarray:
    """Poses in the middle of the given slots, side by side: (P, V, 2) metres."""
    x, y, z = np.moveaxis(batch.xyz[0, 0, slots * segment + segment // 2].numpy(), -1, 0)
    seen = np.stack([np.cos(TURN) * x + np.sin(TURN) * z, y], axis=-1)
    return seen + np.arange(len(slots))[:, None, None] * [SPACING, 0]


def draw(axes: Axes, poses: np.ndarray, bones: Sequence[tuple[int, int]], **joints: Any) -> None:
    """Stick figures side by side: poses (P, V, 2) in metres; ``joints`` is how the joints are drawn."""
    lines = [pose[[joint, parent]] for pose in poses for joint, parent in bones]
    axes.add_collection(LineCollection(lines, colors=BONE, linewidths=1.6, zorder=1))
    axes.scatter(*poses.reshape(-1, 2).T, zorder=2, linewidths=0.7, **joints)
    axes.set_aspect("equal")
    axes.axis("off")


def draw_masking() -> None:
    """Two rows: what moves, and what MAMP shows the encoder."""
    batch = clip()
    motion, seen = mamp_tokens(batch)
    slots = np.linspace(5, 25, POSES).round().astype(int)
    poses = poses_at(batch, slots, WINDOW // len(motion))
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(11, 4.9), layout="constrained")
    draw(
        top,
        poses,
        batch.layout.bones,
        c=motion[slots].reshape(-1) / motion.max(),
        cmap="OrRd",
        s=40,
        edgecolors="#7a4a3a",
    )
    top.set_title("One clip over time. A token is one joint over four frames; darker tokens move more.", loc="left")
    shown = seen[slots].reshape(-1)
    draw(
        bottom,
        poses,
        batch.layout.bones,
        c=np.where(shown, VISIBLE, HIDDEN),
        s=np.where(shown, 60, 26),
        edgecolors="#6b7783",
    )
    kept = f"{seen.sum()} of {seen.size}"
    bottom.set_title(f"MAMP shows the encoder {kept} tokens (green), and asks how the others moved.", loc="left")
    figure.savefig(HERE / "masking.png", dpi=110)


def draw_layouts() -> None:
    """Draw the joints of every built-in layout."""
    folder = HERE / "layouts"
    folder.mkdir(exist_ok=True)
    for name in Layout.names():
        joint_figure(Layout.get(name), folder / f"{name}.png")


def trained(name: str, store: SkeletonStore, folder: Path) -> RunDir:
    """Run of a method with the settings of ``kineme demo``; made where there is none."""
    if (folder / name / "weights.safetensors").exists():
        return RunDir.open(folder / name)
    demo = recipe_config("mamp-demo")
    return fit(demo.with_changes(method=recipe_config(f"{name}-compact").method), store, folder / name)


def untrained(name: str, **method: str) -> RunConfig:
    """A method as it runs on NTU RGB+D, but for some of its settings."""
    config = recipe_config(f"{name}-ntu60-xsub")
    return config.with_changes(method=config.method.with_changes(**method))


def draw_methods(folder: Path) -> None:
    """Draw what every masked method does to a kick that no network was trained on; MAMP as an animation too."""
    store = synthetic_store(num_subjects=10, clips_per=4)
    kick = [store.ids.tolist().index(KICK)]
    turn = float(np.degrees(TURN))
    for name in ("mae", "mamp"):
        run = trained(name, store, folder)
        views = masked_views(run.load_method(), run.config, store, kick, seed=1)
        shrink(masking_figure(views, HERE / f"{name}.png", turn=turn, dpi=90))
        if name == "mamp":
            masking_animation(views, HERE / "mamp.gif", turn=turn)
    for config in (untrained("hacm", layout="aligned"), untrained("stjd_mp")):
        method = build_method(config, store.layout, store.channels)
        views = masked_views(method, config, store, kick, trained=False, seed=1)
        shrink(masking_figure(views, HERE / f"{config.method.name}.png", turn=turn, dpi=90))


def shrink(file: Path) -> None:
    """Keep 256 colours of a picture."""
    Image.open(file).convert("RGB").quantize(256).save(file, optimize=True)


if __name__ == "__main__":
    draw_masking()
    draw_layouts()
    draw_methods(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/pictures"))
