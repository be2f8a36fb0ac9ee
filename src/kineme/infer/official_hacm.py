"""Weights under the names of the authors' HA-CM code, and under ours (spec-masked §7)."""

import re
from collections.abc import Mapping

from torch import Tensor

from kineme.infer.official import Naming, from_official, official_name, our_name, our_value

# What the authors' network holds and never uses.
_DEAD = re.compile(r"(mask_token|mask_token_s|decoder_(embed_[ts]|fc|fc_[ts])\.\w+)$")
_RENAMES = {"mask_token_t": "mask_token", "l1": "temporal.query", "l2": "temporal.key"}
_BACK = {"mask_token": "mask_token_t", "temporal.query": "l1", "temporal.key": "l2"}


def is_dead(official: str) -> bool:
    """Whether the authors' code never uses a parameter of that name."""
    return _DEAD.match(official) is not None


def our_hacm_name(official: str) -> str:
    """Our name of an official parameter that the authors' code uses."""
    return our_name(_as_mamp(official))


def official_hacm_name(ours: str) -> str:
    """Official name of one of our parameters, or the name itself: the inverse of `our_hacm_name`."""
    mamp = official_name(ours)
    module, dot, rest = mamp.rpartition(".")
    return _BACK.get(module, module) + dot + rest if dot else _BACK.get(mamp, mamp)


def from_official_hacm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official state dict under our names, without the parameters that the authors' code does not use."""
    return from_official({_as_mamp(name): value for name, value in state.items() if not is_dead(name)})


def _as_mamp(official: str) -> str:
    """The name that the authors' MAMP code gives the same thing, or ours where it has no such thing."""
    head, dot, rest = official.partition(".")
    return _RENAMES.get(head, head) + dot + rest


HACM_NAMING = Naming(our_hacm_name, official_hacm_name, our_value, is_dead)
