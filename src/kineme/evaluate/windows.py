"""Long clips cut into consecutive windows, each classified by itself (spec-danet §2.2)."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kineme.clips import RaggedClips


@dataclass(frozen=True)
class Windows:
    """W consecutive parts of Q clips, clip by clip.

    Args:
        clip: (W,) int64, which of the Q clips each is of.
        first: (W,) int64, its first frame within the clip.
        frames: (W,) int64, its length.
    """

    clip: np.ndarray
    first: np.ndarray
    frames: np.ndarray

    def __len__(self) -> int:
        return len(self.clip)

    @classmethod
    def consecutive(cls, length: np.ndarray, window: np.ndarray) -> "Windows":
        """All frames of clips in parts of about the wanted length.

        Half a window or more at the end is a part of its own; less belongs to the last one. A shorter clip stays whole.

        Args:
            length: (Q,) int64 frames of the clips.
            window: (Q,) int64 frames wanted per part, from 1.
        """
        count = np.maximum((length / window + 0.5).astype(np.int64), 1)
        clip = np.repeat(np.arange(len(length)), count)
        number = np.arange(len(clip)) - (count.cumsum() - count)[clip]
        first = number * window[clip]
        is_last = number == count[clip] - 1
        return cls(clip, first, np.where(is_last, length[clip] - first, window[clip]))


def cut(clips: RaggedClips, first: Tensor, frames: Tensor) -> RaggedClips:
    """Frames ``[first, first + frames)`` of each clip as a clip by itself; their rows are copied.

    Args:
        clips: B clips.
        first, frames: (B,) int64.
    """
    size = clips.bodies * frames
    start = size.cumsum(dim=0) - size
    owner = torch.arange(len(clips), device=start.device).repeat_interleave(size)
    place = torch.arange(len(owner), device=start.device) - start[owner]
    body, frame = place // frames[owner], place % frames[owner]
    rows = (clips.start + first)[owner] + body * clips.length[owner] + frame
    return replace(clips, xyz=clips.xyz[rows], present=clips.present[rows], start=start, length=frames)
