"""Pairs of clips for methods that compare views: another recording of the same class (spec-danet §2.4)."""

import numpy as np

from kineme.store import SkeletonStore

_KEYS = (("label", "subject", "setup", "replication"), ("label", "subject"), ("label",))
"""What clips must share: the recording, seen by another camera; the performer; the class alone."""


class Partners:
    """A partner of the same class for every training clip, from another camera wherever there is one.

    Drawn uniformly from the first of these that is not empty: the same recording by other cameras, the same performer
    from other cameras, anybody from other cameras, any clip of the class, itself included.

    Args:
        store: labelled clips.
        index: (N,) int64 positions of the training clips, from which partners are drawn.
    """

    def __init__(self, store: SkeletonStore, index: np.ndarray) -> None:
        clips = store.clips[index]
        pools = [_Pool(clips, key, apart=True) for key in _KEYS] + [_Pool(clips, ("label",), apart=False)]
        sizes = np.stack([pool.size for pool in pools])
        level, each = (sizes > 0).argmax(axis=0), np.arange(len(index))
        self.ordered = index[np.concatenate([pool.order for pool in pools])]
        self.size = sizes[level, each]
        self.first = np.stack([pool.first for pool in pools])[level, each] + level * len(index)
        self.gap_at = np.stack([pool.gap_at for pool in pools])[level, each]
        self.gap = np.stack([pool.gap for pool in pools])[level, each]
        self.row = np.full(len(store), -1)
        self.row[index] = each

    def draw(self, clips: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Partners (B,) of the training clips at positions (B,) int64 in the store, as such positions."""
        row = self.row[clips]
        assert (row >= 0).all(), "only training clips have partners"
        place = rng.integers(self.size[row])
        place += np.where(place >= self.gap_at[row], self.gap[row], 0)
        return self.ordered[self.first[row] + place]


class _Pool:
    """For every clip those that share a key, as a stretch of an order of all clips, with or without its own camera.

    Attributes:
        order: (N,) clips by key, then by camera.
        first: (N,) where the stretch of each clip begins.
        size: (N,) number of possible partners.
        gap_at: (N,) where, from there, the clips of its own camera lie.
        gap: (N,) how many these are; 0 where they may be drawn.
    """

    def __init__(self, clips: np.ndarray, key: tuple[str, ...], *, apart: bool) -> None:
        group, camera = (_numbered(clips[list(names)]) for names in (key, ("camera",)))
        self.order = np.lexsort((camera, group))
        self.first, total = _stretches(group, self.order)
        own, number = _stretches(_numbered(np.rec.fromarrays((group, camera))), self.order)
        self.gap_at, self.gap = own - self.first, number * apart
        self.size = total - self.gap


def _numbered(rows: np.ndarray) -> np.ndarray:
    """(N,) number of each row's value among the sorted ones."""
    return np.unique(rows, return_inverse=True)[1]


def _stretches(group: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each clip's group begins in an order by groups, and its size: (N,) both."""
    _, first, size = np.unique(group[order], return_index=True, return_counts=True)
    return first[group], size[group]
