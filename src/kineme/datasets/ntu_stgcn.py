"""How ST-GCN and its descendants (AimCLR among them) read NTU RGB+D: whoever comes first in each frame.

Choose it to compare with numbers that were measured on arrays of 300 frames and two bodies. Body slot 0 is the first
body of a frame in the order of the file, slot 1 the second; further ones are ignored. Nobody is followed from frame to
frame, nothing is cleaned, and every recorded frame counts.

Source: `ntu_gendata.py` as ST-GCN (Yan et al., AAAI 2018) and AimCLR (Guo et al., AAAI 2022) distribute it.
"""

import numpy as np

from kineme.datasets.ntu_format import Recording
from kineme.errors import SourceError

MAX_FRAMES = 300
MAX_BODIES = 2


def first_bodies(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """The first two bodies of every frame.

    Returns:
        (M, T, V, 3) float32 raw metres, M = 2 where any frame has two bodies, else 1, and T all recorded frames; and
        (M, T) bool presence, all false where nobody is ever seen.

    Raises:
        SourceError: more frames than the field's arrays hold.
    """
    num_frames, frame = recording.num_frames, recording.frame
    if num_frames > MAX_FRAMES:
        fix = "leave the file out, or choose another preparation"
        problem = f"{num_frames} frames, the field's script stops at more than {MAX_FRAMES}"
        raise SourceError(recording.path, problem, fix=fix)
    slot = np.arange(len(frame)) - np.searchsorted(frame, frame)
    slots = min(slot.max(initial=0) + 1, MAX_BODIES)
    kept = slot < MAX_BODIES
    xyz = np.zeros((slots, num_frames, *recording.xyz.shape[1:]), np.float32)
    present = np.zeros((slots, num_frames), bool)
    xyz[slot[kept], frame[kept]] = recording.xyz[kept]
    present[slot[kept], frame[kept]] = True
    return xyz, present
