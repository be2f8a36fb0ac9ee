"""The figure of a joint layout: a standing person seen from the front, every joint with its number and name."""

from pathlib import Path

import numpy as np

from kineme.layout import Layout
from kineme.viz.chart import new_figure
from kineme.viz.skeleton import draw_bodies, joint_color

# Where joints are in the figure; x to the picture's right, so that the person, who faces us, has the left side at
# positive x. A right joint mirrors the left one.
_PLACES = {
    "head": (0, 1.66),
    "nose": (0, 1.60),
    "neck": (0, 1.46),
    "upper_neck": (0, 1.56),
    "spine_shoulder": (0, 1.38),
    "chest": (0, 1.27),
    "spine_mid": (0, 1.16),
    "spine_lower": (0, 1.05),
    "spine_base": (0, 0.94),
    "left_eye_inner": (0.08, 1.69),
    "left_eye": (0.16, 1.80),
    "left_eye_outer": (0.28, 1.77),
    "left_ear": (0.40, 1.62),
    "left_mouth": (0.10, 1.52),
    "left_clavicle": (0.08, 1.34),
    "left_shoulder": (0.22, 1.36),
    "left_elbow": (0.42, 1.14),
    "left_wrist": (0.60, 0.94),
    "left_hand": (0.68, 0.84),
    "left_fingers": (0.73, 0.78),
    "left_hand_tip": (0.78, 0.72),
    "left_index": (0.70, 0.70),
    "left_thumb": (0.58, 0.76),
    "left_pinky": (0.80, 0.80),
    "left_hip": (0.13, 0.88),
    "left_knee": (0.17, 0.50),
    "left_ankle": (0.19, 0.12),
    "left_heel": (0.20, -0.04),
    "left_foot": (0.28, 0.03),
    "left_toes": (0.38, 0.05),
    "left_small_toe": (0.46, -0.03),
}

_LABELLED_INSIDE = ("thumb",)  # its outer side is taken


def joint_figure(layout: Layout, file: str | Path) -> Path:
    """Draw a layout.

    Args:
        layout: any; joints with names of their own are put further along the bone that leads to them.
        file: where to write; the suffix says which format (png, pdf, svg).

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    points = schematic(layout)
    with new_figure(file, 6.4, 5.6) as figure:
        axes = figure.subplots()
        draw_bodies(axes, points[None], layout, width=2.2, alpha=0.6)
        for v, (joint, (x, y)) in enumerate(zip(layout.joints, points, strict=True)):
            axes.plot(x, y, "o", color=joint_color(joint), markersize=5)
            short = joint.removeprefix("left_").removeprefix("right_")
            side = (1 if x >= 0 else -1) * (-1 if short in _LABELLED_INSIDE else 1)
            axes.annotate(
                f"{v} {short}",
                (x, y),
                xytext=(7 * side, 3 if x or joint == layout.joints[layout.root] else -9),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                fontsize=7,
            )
        axes.set_title(f"{layout.name}: {layout.num_joints} joints", loc="left")
        axes.set_xlim(-1.15, 1.15)
        axes.set_ylim(points[:, 1].min() - 0.08, points[:, 1].max() + 0.08)
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.text(-1.1, points[:, 1].max(), "right side", color=joint_color("right_"), fontsize=9, va="top")
        axes.text(1.1, points[:, 1].max(), "left side", color=joint_color("left_"), fontsize=9, va="top", ha="right")
    return Path(file)


def schematic(layout: Layout) -> np.ndarray:
    """(V, 2) places of a layout's joints in the figure."""
    places: dict[int, np.ndarray] = {}

    def place(joint: int) -> np.ndarray:
        if joint not in places:
            known = _known(layout.joints[joint])
            places[joint] = known if known is not None else beyond(joint)
        return places[joint]

    def beyond(joint: int) -> np.ndarray:
        """Past the parent, in the direction from the grandparent to it; brothers and sisters side by side."""
        parent = layout.tree_parents[joint]
        if parent < 0:
            return np.array(_PLACES["spine_base"])
        before = layout.tree_parents[parent]
        step = place(parent) - place(before) if before >= 0 else np.array([0.0, 0.2])
        name = layout.joints[joint]
        side = name.startswith("left_") - name.startswith("right_")
        elder = sum(
            layout.tree_parents[other] == parent and layout.joints[other][:5] == name[:5] for other in range(joint)
        )
        return place(parent) + 0.5 * step + np.array([side * (0.06 + 0.08 * elder), 0])

    return np.array([place(joint) for joint in range(layout.num_joints)])


def _known(joint: str) -> np.ndarray | None:
    if joint in _PLACES:
        return np.array(_PLACES[joint])
    mirrored = joint.replace("right_", "left_", 1)
    return np.array(_PLACES[mirrored]) * (-1, 1) if mirrored in _PLACES else None
