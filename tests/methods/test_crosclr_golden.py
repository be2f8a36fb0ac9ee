"""CrosSCLR against the authors' code: both stages, logits, mined positives, losses and key projectors."""

import numpy as np
import pytest
import torch

from conftest import golden_cases
from contrastive_golden import STAGE_ONE, STAGE_TWO, Golden
from kineme.encoders.stgcn import STGCN
from kineme.infer.official_crosclr import from_official_crosclr, our_crosclr_name
from kineme.losses.contrast import nearest
from kineme.methods.crosclr import CrosSCLR, CrosSCLRConfig, with_context

SHORT = {"j": "joint", "m": "motion", "b": "bone"}
STREAMS = tuple(SHORT.values())


@pytest.fixture(params=golden_cases("contrastive/05_crossclr_3views*.npz"))
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def built(golden: Golden, **settings: object) -> CrosSCLR:
    """The authors' networks; every weight must find its place."""
    config = CrosSCLRConfig.parse({**golden.settings(), "reference_quirks": True, **settings})
    method = CrosSCLR(config, golden.encoder())
    assert isinstance(method.encoder, STGCN)
    method.load_state_dict(from_official_crosclr(golden.weights, method.encoder.adjacency))
    return method.double().train()


def check_weights(golden: Golden, prefix: str, method: CrosSCLR) -> None:
    """Official weights below a prefix; at least one."""
    keys = [key for key in golden.arrays if key.startswith(f"{prefix}encoder_")]
    assert keys, prefix
    for key in keys:
        golden.check(key, method.state_dict()[our_crosclr_name(key.removeprefix(prefix))])


def test_every_stream_by_itself(golden: Golden) -> None:
    method = built(golden)
    output = method.step([golden.view("im_q"), golden.view("im_k")], {}, STAGE_ONE)
    for name in STREAMS:
        golden.check(f"out/stage1/logits_{name}", output.artefacts[f"{name}_logits"])
        golden.check(f"out/stage1/loss_{name}", output.logs[name])
    golden.check("out/stage1/loss", output.loss)
    check_weights(golden, "out/stage1/", method)


@pytest.mark.parametrize(("context", "neighbours"), [(True, 1), (False, 1), (False, 3)])
def test_streams_for_each_other(golden: Golden, context: bool, neighbours: int) -> None:
    method = built(golden, context=context, neighbours=neighbours)
    output = method.step([golden.view("im_q"), golden.view("im_k")], {}, STAGE_TWO)
    case = f"out/cross_ctx{int(context)}_top{neighbours}"
    for name in STREAMS:
        golden.check(f"{case}/loss_{name}", output.logs[name])
    golden.check(f"{case}/loss", output.loss)
    if f"{case}/encoder_k.fc.2.weight" in golden.arrays:
        check_weights(golden, f"{case}/", method)


def test_logits_and_positives_of_pairs(golden: Golden) -> None:
    method = built(golden)
    output = method.step([golden.view("im_q"), golden.view("im_k")], {}, STAGE_TWO)
    for a, b in ((a, b) for a in SHORT for b in SHORT if a != b):
        own, other = (output.artefacts[f"{SHORT[stream]}_logits"] for stream in (a, b))
        golden.check(f"out/cross_ctx1_top1/logits_{a}{b}", with_context(own, other, method.config.temperature))
        expected = golden.arrays[f"out/cross_ctx0_top3/mask_{a}{b}"].astype(bool)
        np.testing.assert_array_equal(nearest(other, 3).numpy(), expected)
        wide = golden.arrays[f"out/cross_ctx1_top1/mask_{a}{b}"].astype(bool)
        found = nearest(other, 1).numpy()
        np.testing.assert_array_equal(np.concatenate([found, found[:, 1:]], axis=1), wide)


def test_aliases_of_the_joint_projector_are_left_out(golden: Golden) -> None:
    method = built(golden)
    assert isinstance(method.encoder, STGCN)
    aliases = {
        f"encoder_{side}_{stream}.fc.2.{layer}.weight": torch.zeros(1)
        for side in "qk"
        for stream in ("motion", "bone")
        for layer in (0, 2)
    }
    ours = from_official_crosclr({**golden.weights, **aliases}, method.encoder.adjacency)
    assert ours.keys() == method.state_dict().keys()
