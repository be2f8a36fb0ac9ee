"""What files of the masked family tell of their networks: which they are, and how large (spec-masked §7)."""

from collections.abc import Mapping
from typing import Any, Literal

from kineme.infer.shapes import Weights, has, known, shape

Kind = Literal["masked", "stjd_mp", "hacm", "classifier"]


def kind_of(weights: Weights) -> Kind | None:
    """Whose weights they look like; None where not of this family at all."""
    if not has(weights, "joints_embed."):
        return None
    if has(weights, "gen_mask."):
        return "stjd_mp"
    if has(weights, "mask_token_t", "l1."):
        return "hacm"
    return "classifier" if has(weights, "head.") and not has(weights, "decoder_") else "masked"


def encoder_sizes(weights: Weights, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the encoder, as far as shapes (and the arguments of the authors' program) tell them."""
    width, _, segment, _ = shape(weights, "joints_embed.proj.weight", 4)
    hidden, inner = shape(weights, "blocks.0.mlp.fc1.weight", 2)
    ratio = hidden / inner if hidden and inner else None
    depth = _depth(weights, "blocks.")
    return known(width=width, segment=segment, depth=depth, mlp_ratio=ratio, heads=_heads(settings))


def decoder_sizes(weights: Weights, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the method that say how large its decoder is."""
    width, _ = shape(weights, "decoder_embed.weight", 2)
    depth = _depth(weights, "decoder_blocks.")
    return known(decoder_width=width, decoder_depth=depth, decoder_heads=_heads(settings))


def head_sizes(weights: Weights) -> dict[str, Any]:
    """Settings of a classifier: its head, and the sizes of that."""
    if has(weights, "head.fc1.", "head.fc2."):
        classes, hidden = shape(weights, "head.fc2.weight", 2)
        return {"head": "joint", **known(num_classes=classes, hidden=hidden)}
    classes, _ = shape(weights, "head.fc.1.weight", 2)
    return {"head": "linear", **known(num_classes=classes)}


def num_channels(weights: Weights) -> int | None:
    """C."""
    return shape(weights, "joints_embed.proj.weight", 4)[1]


def num_joints(weights: Weights) -> int | None:
    """Joints that get tokens."""
    return shape(weights, "pos_embed", 4)[2]


def num_slots(weights: Weights) -> int | None:
    """S."""
    return shape(weights, "temp_embed", 4)[1]


def _depth(weights: Weights, prefix: str) -> int:
    """Number of blocks, rather than the highest, which a file may choose freely."""
    return len({name.split(".")[1] for name in weights if name.startswith(prefix)})


def _heads(settings: Mapping[str, Any]) -> int | None:
    """No shape depends on the heads; the program's arguments may name their number."""
    arguments = settings.get("model_args")
    heads = arguments.get("num_heads") if isinstance(arguments, dict) else None
    return heads if isinstance(heads, int) and heads > 0 else None
