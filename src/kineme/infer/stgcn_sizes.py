"""What files of the contrastive family tell of their networks: which they are, and how large (spec-contrastive §15)."""

import re
from typing import Any, Literal

from kineme.infer.official_crosclr import other_streams
from kineme.infer.official_moco import KEY
from kineme.infer.official_stgcn import HEAD, QUERY, query_encoder
from kineme.infer.shapes import Weights, has, known, shape

Kind = Literal["classifier", "classifiers", "encoder", "moco", "crosclr"]

_CLASSIFIER = re.compile(r"(encoder_q(_motion|_bone)?\.)?fc\.(weight|bias)")


def kind_of(weights: Weights) -> Kind | None:
    """What they are: a classifier or one per stream, an encoder alone, a pretraining of one stream or of several.

    None where they are not of this family at all.
    """
    if not any("st_gcn_networks." in name for name in weights):
        return None
    several = bool(other_streams(weights))
    if has(weights, KEY, "encoder_k_", "queue", f"{QUERY}{HEAD}0."):
        return "crosclr" if several else "moco"
    if any(map(_CLASSIFIER.fullmatch, weights)):
        return "classifiers" if several else "classifier"
    return "encoder"


def encoder_sizes(weights: Weights) -> dict[str, Any]:
    """Settings of the encoder."""
    query = query_encoder(weights)
    hidden, *_ = shape(query, "st_gcn_networks.0.tcn.2.weight", 4)
    (width,) = shape(query, "st_gcn_networks.9.tcn.3.weight", 1)
    return {"edge_importance": has(query, "edge_importance."), **known(hidden_channels=hidden, width=width)}


def contrast_sizes(weights: Weights) -> dict[str, Any]:
    """Settings of a pretraining of one stream."""
    features, keys = shape(weights, "queue", 2)
    return known(features=features, queue_size=keys)


def stream_settings(weights: Weights) -> dict[str, Any]:
    """Settings of a pretraining of several streams: which, and whether they share the projector of one."""
    is_own = has(weights, "encoder_q_motion.fc.2.weight", "encoder_q_bone.fc.2.weight")
    return {"others": other_streams(weights), "reference_quirks": not is_own}


def head_sizes(weights: Weights) -> dict[str, Any]:
    """Settings of a classifier."""
    (classes,) = shape(query_encoder(weights), "fc.bias", 1)
    return {"head": "plain", **known(num_classes=classes)}


def num_channels(weights: Weights) -> int | None:
    """C."""
    return shape(query_encoder(weights), "st_gcn_networks.0.gcn.conv.weight", 4)[1]


def num_joints(weights: Weights) -> int | None:
    """V."""
    (coordinates,) = shape(query_encoder(weights), "data_bn.weight", 1)
    channels = num_channels(weights)
    return coordinates // channels if coordinates and channels else None
