"""Where a computation takes its clips from: a store that lies on the device, or one too large for that."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from kineme.clips import RaggedClips
from kineme.store import SkeletonStore

T = TypeVar("T")

_SHARE = 0.5
"""Of a device's free memory that clips may take."""


class ClipSource:
    """Clips of a store on a device.

    All coordinates are copied there once where they take at most half of its free memory; otherwise those of the
    wanted clips, every time.

    Args:
        store: clips.
        device: where they are wanted.

    Attributes:
        resident: whether nothing has to be copied any more.
    """

    def __init__(self, store: SkeletonStore, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._store = resident(store, self.device)
        self.resident = _is_on(self._store, self.device)

    def gather(self, index: Tensor | np.ndarray) -> RaggedClips:
        """Clips at positions (B,) int64."""
        clips = self._store.gather(index)
        return clips if self.resident else clips.copied_to(self.device)


def resident(store: SkeletonStore, device: torch.device | str) -> SkeletonStore:
    """A store on a device where it fits, otherwise as it is; for those who make several sources of one store."""
    device = torch.device(device)
    return store if _is_on(store, device) or not fits(store, device) else store.to(device)


def fits(store: SkeletonStore, device: torch.device) -> bool:
    """Whether a store's coordinates leave enough of a device's memory free; where devices do not tell, they do."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return store.num_bytes <= _SHARE * free


def _is_on(store: SkeletonStore, device: torch.device) -> bool:
    return store.device.type == device.type and device.index in (None, store.device.index)


class ReadAhead(Generic[T]):
    """What a function makes of a step's number, made in a thread while the step before is computed.

    Args:
        read: the function; whatever it changes is the thread's business alone.
    """

    def __init__(self, read: Callable[[int], T]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
        self._ahead: tuple[int, Future[T]] | None = None

    def __call__(self, step: int) -> T:
        """What was made of ``step``; the next one is begun. What the function raises is raised here."""
        known, future = self._ahead or (None, None)
        if future is None or known != step:
            future = self._thread.submit(self._read, step)
        made = future.result()
        self._ahead = (step + 1, self._thread.submit(self._read, step + 1))
        return made
