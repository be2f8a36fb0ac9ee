"""HA-CM's two groups, the tokens of even and of odd slots, and the order of tokens in them.

Wherever both groups stand in one sequence, the even slots come first. ``aligned`` keeps every order slot-major.
``reference`` is what the authors' code does: even tokens and both scores run joint-major, so that odd tokens are masked
by scores of others, and the decoder takes the encoded odd tokens for even ones (spec-masked §5.5, §5.6).
"""

from typing import Literal

import torch
from torch import Tensor

Arrangement = Literal["aligned", "reference"]


def even_then_odd(x: Tensor) -> tuple[Tensor, Tensor]:
    """Both groups of (B, S, ...): twice (B, S/2, ...)."""
    return x[:, 0::2], x[:, 1::2]


def flat_tokens(even: Tensor, odd: Tensor, layout: Arrangement) -> tuple[Tensor, Tensor]:
    """Tokens (B, S/2, V, D) of both groups as they are numbered: twice (B, G, D), G = S/2 * V."""
    return _flat(even, joint_major=layout == "reference"), _flat(odd)


def flat_scores(even: Tensor, odd: Tensor, layout: Arrangement) -> tuple[Tensor, Tensor]:
    """Scores (B, S/2, V) of both groups in the order in which tokens get them: twice (B, G)."""
    joint_major = layout == "reference"
    return _flat(even, joint_major), _flat(odd, joint_major)


def decoder_source(even: Tensor, odd: Tensor, keep: int, layout: Arrangement) -> Tensor:
    """Which encoded token each place of the decoder gets.

    Args:
        even, odd: (B, G) ranks of the groups' tokens, those below ``keep`` visible.
        keep: K visible tokens per group.
        layout: arrangement of the tokens.

    Returns:
        (B, 2 * G) int64: even tokens are 0 to K - 1, odd ones K to 2 * K - 1, and 2 * K is the mask token.
    """
    if layout == "reference":
        return torch.cat([even, odd + even.shape[1]], dim=1).clamp(max=2 * keep)
    mask = 2 * keep
    return torch.cat([even.where(even < keep, mask), (odd + keep).where(odd < keep, mask)], dim=1)


def _flat(x: Tensor, joint_major: bool = False) -> Tensor:
    return (x.transpose(1, 2) if joint_major else x).flatten(1, 2)
