"""Raw NTU ``.skeleton`` texts for tests, with as many bodies, frames and mistakes as a test wants."""

from collections.abc import Sequence

import numpy as np

Body = tuple[str, np.ndarray]
FIRST_ID = 72057594037931101


def walker(num_frames: int, seed: int = 0, step: float = 0.01) -> np.ndarray:
    """(T, 25, 3) float32 metres: a standing body, taller than wide, whose joints wander."""
    rng = np.random.default_rng(seed)
    body = rng.uniform((-0.3, -0.8, 2.8), (0.3, 0.8, 3.2), (25, 3))
    body[:2, :2] = (-0.3, -0.8), (0.3, 0.8)
    drift = np.cumsum(rng.normal(0, step, (num_frames, 1, 3)), axis=0)
    return (body + drift).astype(np.float32)


def skeleton_text(frames: Sequence[Sequence[Body]]) -> str:
    """Text of a recording: for every frame its bodies, each an id and (25, 3) coordinates."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body, xyz in bodies:
            lines += [f"{body} 0 1 1 1 1 0 0.02764709 -4.63308E-05 2", str(len(xyz))]
            lines += [f"{x:.7G} {y:.7G} {z:.7G} 277.4 191 1036.2 519 0 0 0 0 2" for x, y, z in xyz]
    return "\n".join(lines) + "\n"


def tracks_text(num_frames: int, tracks: Sequence[tuple[Sequence[int], np.ndarray]]) -> str:
    """Text of a recording from tracks: each the frames in which its id is seen, and (n, 25, 3) coordinates."""
    frames: list[list[Body]] = [[] for _ in range(num_frames)]
    for number, (seen, xyz) in enumerate(tracks):
        for frame, body in zip(seen, xyz, strict=True):
            frames[frame].append((str(FIRST_ID + number), body))
    return skeleton_text(frames)
