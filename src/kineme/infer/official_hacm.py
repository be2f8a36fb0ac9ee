"""Weights under the names of the authors' HA-CM code, and under ours (spec-masked §7)."""

import re
from collections.abc import Mapping

from torch import Tensor

from kineme.infer.official import from_official, our_name

# What the authors' network holds and never uses.
_DEAD = re.compile(r"(mask_token|mask_token_s|decoder_(embed_[ts]|fc|fc_[ts])\.\w+)$")
_RENAMES = {"mask_token_t": "mask_token", "l1": "temporal.query", "l2": "temporal.key"}


def our_hacm_name(official: str) -> str:
    """Our name of an official parameter that the authors' code uses."""
    return our_name(_as_mamp(official))


def from_official_hacm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official state dict under our names, without the parameters that the authors' code does not use."""
    return from_official({_as_mamp(name): value for name, value in state.items() if not _DEAD.match(name)})


def _as_mamp(official: str) -> str:
    """The name that the authors' MAMP code gives the same thing, or ours where it has no such thing."""
    head, dot, rest = official.partition(".")
    return _RENAMES.get(head, head) + dot + rest
