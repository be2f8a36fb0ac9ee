"""Checkpoints as the authors of the masked and the contrastive family save them, of networks of ours."""

import re
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from kineme.encoders.stgcn import STGCN
from kineme.encoders.token_encoder import TokenEncoder
from kineme.layout import Layout
from kineme.methods import Method
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method
from small import small_pair

# Ours to theirs; the first match counts. Written by hand, so that tests need not believe the library's table.
_NAMES = (
    ("encoder.positions.time", "temp_embed"),
    ("encoder.positions.joint", "pos_embed"),
    ("encoder.tokeniser.", "joints_embed.proj."),
    ("encoder.", ""),
    ("decoder.positions.time", "decoder_temp_embed"),
    ("decoder.positions.joint", "decoder_pos_embed"),
    ("decoder.mask_token", "mask_token"),
    ("decoder.predict.", "decoder_pred."),
    ("decoder.", "decoder_"),
    ("density.raw_bandwidth", "gen_mask.h_values"),
    ("density.channel_weight", "gen_mask.weights"),
    ("density.joint_weight", "gen_mask.joint_weights"),
    ("density.projection.", "gen_mask.m."),
    ("temporal.query.", "l1."),
    ("temporal.key.", "l2."),
    ("head.norm.", "head.fc.0."),
    ("head.linear.", "head.fc.1."),
)
_DEAD = ("decoder_embed_t", "decoder_embed_s", "decoder_fc", "decoder_fc_t", "decoder_fc_s")
_STGCN_NAMES = (
    (r"encoder\.input_norm\.", "data_bn."),
    (r"encoder\.blocks\.(\d+)\.edge_importance", r"edge_importance.\1"),
    (r"encoder\.blocks\.(\d+)\.graph\.", r"st_gcn_networks.\1.gcn."),
    (r"encoder\.blocks\.(\d+)\.norm1\.", r"st_gcn_networks.\1.tcn.0."),
    (r"encoder\.blocks\.(\d+)\.temporal\.", r"st_gcn_networks.\1.tcn.2."),
    (r"encoder\.blocks\.(\d+)\.norm2\.", r"st_gcn_networks.\1.tcn.3."),
    (r"encoder\.blocks\.(\d+)\.residual\.", r"st_gcn_networks.\1.residual."),
    (r"(projector|head\.linear)\.", "fc."),
)
ENCODERS = {
    "mae": "skeleton_transformer",
    "mamp": "skeleton_transformer",
    "stjd_mp": "skeleton_transformer",
    "hacm": "ball_transformer",
}


def small_config(method: str, encoder: str = "", **settings: object) -> RunConfig:
    """Small run of one of the authors' methods, or of a classifier on one of their encoders.

    Args:
        method: name of the method.
        encoder: name of the encoder; the method's own where empty.
        settings: of the method.
    """
    config = small_pair(method, encoder or ENCODERS[method])
    return config.with_changes(method=config.method.with_changes(**settings))


def small_networks(config: RunConfig, layout: str = "kinect25") -> Method:
    """Networks of a run, no two of whose weights are alike; in evaluation mode."""
    method = build_method(config, Layout.get(layout), 3).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for value in method.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) * 0.2 + 0.01)
    return method


def official_state(method: Method) -> "OrderedDict[str, Tensor]":
    """State dict under the authors' names and in their shapes; HA-CM's with what their code never uses."""
    encoder = method.encoder
    assert isinstance(encoder, TokenEncoder)
    state = OrderedDict((_official(name), value.clone()) for name, value in method.state_dict().items())
    matrix = state["joints_embed.proj.weight"]
    kernel = matrix.unflatten(1, (-1, encoder.channels)).transpose(1, 2).unsqueeze(-1)
    state["joints_embed.proj.weight"] = kernel.contiguous()
    if "l1.weight" in state:
        state["mask_token_t"] = state.pop("mask_token")
        state["mask_token"], state["mask_token_s"] = torch.zeros(1, 1, 16), torch.zeros(1, 1, 16)
        for name in _DEAD:
            state |= {f"{name}.weight": torch.zeros(12, 16), f"{name}.bias": torch.zeros(12)}
    return state


def _official(ours: str) -> str:
    prefix, theirs = next(((prefix, theirs) for prefix, theirs in _NAMES if ours.startswith(prefix)), ("", ""))
    return theirs + ours.removeprefix(prefix)


def official_stgcn_state(method: Method) -> "OrderedDict[str, Tensor]":
    """State dict of a contrastive method, or of a classifier on its encoder, under the authors' names.

    With the graph of every encoder, heads as ActCLR's code has them, and CrosSCLR's shared projector under all names.
    """
    encoder = method.encoder
    assert isinstance(encoder, STGCN)
    state = OrderedDict(_official_stgcn(*item) for item in method.state_dict().items())
    for part in sorted({name.partition(".")[0] for name in state if name.startswith("encoder_")}):
        state[f"{part}.A"] = encoder.adjacency.clone()
        if "_motion" in part or "_bone" in part:
            joint = part[: len("encoder_q")]
            aliased = [name for name in state if re.match(joint + r"\.fc\.[02]\.", name)]
            state |= {name.replace(f"{joint}.fc.", f"{part}.fc.2."): state[name] for name in aliased}
    return state


def _official_stgcn(ours: str, value: Tensor) -> tuple[str, Tensor]:
    parts = re.fullmatch(r"(?:others\.(\w+)\.)?(key_)?(.*)", ours)
    assert parts is not None
    stream, key, name = parts.groups()
    suffix = f"_{stream}" if stream else ""
    if name.startswith("queue."):
        return (f"queue{suffix}", value.T.clone()) if name == "queue.keys" else (f"queue_ptr{suffix}", value[None])
    pattern, theirs = next((pattern, theirs) for pattern, theirs in _STGCN_NAMES if re.match(pattern, name))
    is_layer = theirs == "fc." and value.ndim == 2
    plain = re.sub(pattern, theirs, name, count=1)
    return f"encoder_{'k' if key else 'q'}{suffix}.{plain}", (value[..., None, None] if is_layer else value).clone()


def save_checkpoint(
    path: Path, state: Mapping[str, Tensor], *, heads: int = 2, model: str = "model_mamp", is_zip: bool = True
) -> Path:
    """File with everything that the authors' programs write into one.

    Args:
        path: where.
        state: state dict.
        heads: number of attention heads.
        model: module of the networks in their code.
        is_zip: PyTorch's format, or the one that it wrote before 1.6.
    """
    trained = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(trained.parameters())
    trained(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    arguments = Namespace(
        model=f"{model}.transformer.Transformer",
        model_args={"num_heads": heads, "qk_scale": "None", "drop_rate": 0.0, "qkv_bias": True},
        train_feeder_args={"p_interval": [0.5, 1], "data_path": "NTU60_XSub.npz"},
        lr=1e-3,
        resume="",
        clip_grad=None,
    )
    contents = {
        "model": OrderedDict(state),
        "optimizer": optimizer.state_dict(),
        "epoch": 399,
        "scaler": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 7},
        "args": arguments,
    }
    torch.save(contents, path, _use_new_zipfile_serialization=is_zip)
    return path
