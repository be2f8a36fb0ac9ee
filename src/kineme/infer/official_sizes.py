"""What the authors' weights tell of their networks: which they are, and how large (spec-masked §7)."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

Kind = Literal["masked", "stjd_mp", "hacm", "classifier"]
_OTHERS = {
    "encoder.tokeniser.": "kineme itself, which needs no import",
    "st_gcn_networks.": "ST-GCN",
    "encoder_q.": "a contrastive method such as SkeletonCLR or AimCLR",
    "patch_embed.": "a transformer for pictures",
}

Weights = Mapping[str, Tensor]


def kind_of(weights: Weights) -> Kind | None:
    """Whose weights they look like; None where not of this family at all."""
    if not _has(weights, "joints_embed."):
        return None
    if _has(weights, "gen_mask."):
        return "stjd_mp"
    if _has(weights, "mask_token_t", "l1."):
        return "hacm"
    return "classifier" if _has(weights, "head.") and not _has(weights, "decoder_") else "masked"


def foreign_project(weights: Weights) -> str:
    """What weights of no network of this family look like, for messages."""
    known = next((project for prefix, project in _OTHERS.items() if _has(weights, prefix)), "another project")
    return f"weights of {known}, with names such as {', '.join(list(weights)[:3])}"


def encoder_sizes(weights: Weights, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the encoder, as far as shapes (and the arguments of the authors' program) tell them."""
    width, _, segment, _ = _shape(weights, "joints_embed.proj.weight", 4)
    hidden, inner = _shape(weights, "blocks.0.mlp.fc1.weight", 2)
    ratio = hidden / inner if hidden and inner else None
    depth = _depth(weights, "blocks.")
    return _known(width=width, segment=segment, depth=depth, mlp_ratio=ratio, heads=_heads(settings))


def decoder_sizes(weights: Weights, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the method that say how large its decoder is."""
    width, _ = _shape(weights, "decoder_embed.weight", 2)
    depth = _depth(weights, "decoder_blocks.")
    return _known(decoder_width=width, decoder_depth=depth, decoder_heads=_heads(settings))


def head_sizes(weights: Weights) -> dict[str, Any]:
    """Settings of a classifier: its head, and the sizes of that."""
    if _has(weights, "head.fc1.", "head.fc2."):
        classes, hidden = _shape(weights, "head.fc2.weight", 2)
        return {"head": "joint", **_known(num_classes=classes, hidden=hidden)}
    classes, _ = _shape(weights, "head.fc.1.weight", 2)
    return {"head": "linear", **_known(num_classes=classes)}


def num_channels(weights: Weights) -> int | None:
    """C."""
    return _shape(weights, "joints_embed.proj.weight", 4)[1]


def num_joints(weights: Weights) -> int | None:
    """Joints that get tokens."""
    return _shape(weights, "pos_embed", 4)[2]


def num_slots(weights: Weights) -> int | None:
    """S."""
    return _shape(weights, "temp_embed", 4)[1]


def _has(weights: Weights, *prefixes: str) -> bool:
    return any(name.startswith(prefixes) for name in weights)


def _shape(weights: Weights, name: str, dims: int) -> tuple[int | None, ...]:
    """Shape of a weight, unknown where it is missing or has other dimensions: comparing names will tell that."""
    found = weights.get(name)
    return tuple(found.shape) if found is not None and found.ndim == dims else (None,) * dims


def _depth(weights: Weights, prefix: str) -> int:
    """Number of blocks, rather than the highest, which a file may choose freely."""
    return len({name.split(".")[1] for name in weights if name.startswith(prefix)})


def _heads(settings: Mapping[str, Any]) -> int | None:
    """No shape depends on the heads; the program's arguments may name their number."""
    arguments = settings.get("model_args")
    heads = arguments.get("num_heads") if isinstance(arguments, dict) else None
    return heads if isinstance(heads, int) and heads > 0 else None


def _known(**sizes: float | None) -> dict[str, Any]:
    return {name: size for name, size in sizes.items() if size}
