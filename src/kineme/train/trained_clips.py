"""Which clips weights were trained on, as hashes of their ids: small, and enough to find the clips again."""

import io
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np


@dataclass(frozen=True, eq=False)
class TrainedClips:
    """Clips that a run's weights have seen.

    Args:
        own: (N,) uint64 hashes of the clips that the run itself was trained on, sorted.
        before: (P,) uint64 hashes of those that the weights it started from were trained on, sorted.
        complete: whether these are all; not so where nothing was recorded of the run, or of what it started from.
    """

    own: np.ndarray
    before: np.ndarray
    complete: bool

    @classmethod
    def none(cls, *, complete: bool) -> "TrainedClips":
        """No clips: of fresh weights, or as far as is known."""
        empty = np.empty(0, np.uint64)
        return cls(empty, empty, complete)

    @classmethod
    def of(cls, ids: np.ndarray, start: "TrainedClips") -> "TrainedClips":
        """Clips of ids (N,), trained on after those of the weights that were started from."""
        return cls(np.sort(clip_hashes(ids)), start.everything, start.complete)

    @property
    def everything(self) -> np.ndarray:
        """Hashes of all that are known, sorted."""
        return np.union1d(self.own, self.before)

    def to_bytes(self) -> bytes:
        """As an ``.npz``."""
        buffer = io.BytesIO()
        np.savez(buffer, own=self.own, before=self.before, complete=self.complete)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "TrainedClips":
        """Inverse of `to_bytes`; raises what `numpy.load` does of other content."""
        with np.load(io.BytesIO(content)) as arrays:
            return cls(arrays["own"], arrays["before"], bool(arrays["complete"]))


def clip_hashes(ids: np.ndarray) -> np.ndarray:
    """(N,) uint64 of clip ids (N,): the same on every machine. Two ids of a million clips share one by a chance of
    3e-8."""
    digests = [blake2b(name.encode(), digest_size=8).digest() for name in ids.tolist()]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
