"""Class scores of test clips, and their weighted sum over several runs (spec-contrastive §12, spec-danet §2.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kineme.errors import RunError

SHOWN = 3


@dataclass(frozen=True)
class ClassScores:
    """What a run says of test clips: by a probe on its features, or by its own head.

    Args:
        source: the run, for messages.
        split: whose test clips.
        classes: K names.
        ids: of Q clips, each once.
        values: (Q, K), the higher, the likelier.
    """

    source: str
    split: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    values: Tensor

    def of(self, ids: Sequence[str]) -> Tensor:
        """Values (Q, K) of clips in the order of their ids."""
        row = {clip: i for i, clip in enumerate(self.ids)}
        return self.values[[row[clip] for clip in ids]]


def fuse(parts: Sequence[ClassScores], weights: Sequence[float]) -> Tensor:
    """Weighted sum of class scores, clip by clip, in the order of the first part's ids: (Q, K) float64.

    Raises:
        RunError: parts of other splits, classes or clips than the first, with what differs.
    """
    first = parts[0]
    for other in parts[1:]:
        _require_equal(first, other)
    weighted = [weight * part.of(first.ids).double() for weight, part in zip(weights, parts, strict=True)]
    return torch.stack(weighted).sum(dim=0)


def _require_equal(first: ClassScores, other: ClassScores) -> None:
    """Check that two runs speak of the same classes of the same clips."""
    problems = [
        f"{what}: {mine} and {theirs}"
        for what, mine, theirs in (
            ("splits", first.split, other.split),
            ("classes", _only(first.classes, other.classes), _only(other.classes, first.classes)),
            ("clips", _only(first.ids, other.ids), _only(other.ids, first.ids)),
        )
        if mine != theirs
    ]
    if not problems and first.classes != other.classes:
        problems = ["classes: the same in another order"]
    if problems:
        raise RunError(
            f"{first.source} and {other.source} cannot be fused, they differ in {'; '.join(problems)}; evaluate both "
            f"on one store and one split"
        )


def _only(mine: Iterable[str], theirs: Iterable[str]) -> str:
    """Names that the other has not, the first few of them."""
    names = sorted(set(mine) - set(theirs))
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "") or "no others"
