"""A step of STJD-CL against a slow float64 oracle of the specification: from features to the losses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.encoders import Encoder, EncoderConfig
from kineme.layout import Layout
from kineme.methods import Progress, StepOutput
from kineme.methods.stjd_cl import STJDCL, STJDCLConfig

START = Progress(step=0, epoch=0.0, epochs=1)

Arrays = dict[str, np.ndarray]


class GivenConfig(EncoderConfig):
    name: str = "given"


class GivenFeatures(Encoder):
    """Gives the same features whatever it reads."""

    def __init__(self, features: Tensor, layout: Layout) -> None:
        super().__init__(GivenConfig(), layout, 0, 3)
        self.given, self.layout, self.channels = features, layout, 3
        self.joints, self.width = features.shape[3:]

    def features(self, batch: ClipBatch) -> Tensor:
        return self.given


@pytest.fixture(params=golden_cases("stjd/cl_pipeline.npz"))
def arrays(request: pytest.FixtureRequest) -> Arrays:
    return load_npz(request.param)


def chain(joints: int) -> Layout:
    """A layout of so many joints."""
    names = ["left_end", "right_end", *(f"joint_{i}" for i in range(2, joints))]
    tree = dict(zip(names, ["", *names], strict=False))
    parts = {"body": names}
    return Layout.from_dict(
        {"name": "chain", "tree": tree, "gcn": {}, "parts": parts, "origin": names[:1], "across": names[:2]}
    )


def clips_of(arrays: Arrays, key: str, layout: Layout) -> ClipBatch:
    """(B*M, C, T, V) as a batch."""
    bodies = arrays["param/num_bodies"].item()
    xyz = torch.from_numpy(arrays[key]).permute(0, 2, 3, 1).unflatten(0, (-1, bodies))
    present = torch.from_numpy(arrays["in/present"]).bool().view(-1, bodies, 1).expand(-1, -1, xyz.shape[2])
    clips = torch.arange(len(xyz))
    return ClipBatch(xyz, present, clips, clips, clips, layout)


def oracle_method(arrays: Arrays, layout: Layout, **changes: object) -> STJDCL:
    """A method whose encoders give the golden features and whose projectors do nothing."""
    features = torch.from_numpy(arrays["in/features"]).permute(0, 2, 3, 1)
    features = features.unflatten(0, (-1, arrays["param/num_bodies"].item()))
    config = {key: arrays[f"param/{key}"].item() for key in ("temperature", "rcl_weight")}
    config |= {"density": {"bandwidth_param": "raw"}, "prime": {"beta": arrays["param/beta"].item()}}
    config |= {"queue_size": len(arrays["in/bank"]), "features": features.shape[-1]}
    method = STJDCL(STJDCLConfig.parse(config | changes), GivenFeatures(features, layout)).double().eval()
    for projector in ("projector", "key_projector"):
        method.register_module(projector, nn.Identity())
    method.density.raw_bandwidth.data = torch.from_numpy(arrays["param/h"])
    method.queue.keys = torch.from_numpy(arrays["in/bank"])
    return method


def step(arrays: Arrays, swapped: bool = False, **changes: object) -> StepOutput:
    layout = chain(arrays["in/x_keep"].shape[3])
    strong, normal = (clips_of(arrays, f"in/x_{name}", layout) for name in ("strong", "keep"))
    draws = {"swapped": torch.full((len(normal),), swapped)}
    return oracle_method(arrays, layout, **changes).step([strong, normal, normal], draws, START)


def check(arrays: Arrays, key: str, ours: Tensor) -> None:
    expected = arrays[key].reshape(ours.shape)
    np.testing.assert_allclose(ours.detach().numpy(), expected, rtol=1e-9, atol=1e-13, err_msg=key)


def test_step_of_the_oracle(arrays: Arrays) -> None:
    output = step(arrays)
    np.testing.assert_array_equal(output.artefacts["prime"].flatten(0, 1).numpy(), arrays["out/mask"])
    check(arrays, "out/loss_cl", output.logs["contrast"])
    check(arrays, "out/loss_rcl", output.logs["reverse"])
    check(arrays, "out/loss_total", output.loss)
    check(arrays, "out/x_mixed", output.artefacts["query_view"].flatten(0, 1).permute(0, 3, 1, 2))


def test_keys_of_the_oracle(arrays: Arrays) -> None:
    layout = chain(arrays["in/x_keep"].shape[3])
    method = oracle_method(arrays, layout)
    view = clips_of(arrays, "in/x_keep", layout)
    features = method.key_features(view)
    prime, nonprime = method.keys(features, method.detect(view, features))
    check(arrays, "out/zk", prime)
    check(arrays, "out/zp", nonprime)
    check(arrays, "out/zq", method.query(features))


def test_nearest_slots_of_the_oracle(arrays: Arrays) -> None:
    keep, strong, mask = (
        torch.from_numpy(arrays[f"{key}"]) for key in ("in/x_keep", "in/x_strong", "out/mask_up_nearest")
    )
    mixed = step(arrays, mask_resize="nearest").artefacts["query_view"].flatten(0, 1).permute(0, 3, 1, 2)
    torch.testing.assert_close(mixed, torch.where(mask[:, None].bool(), keep, strong))


def test_the_oracles_gate_asks_for_presence(arrays: Arrays) -> None:
    layout = chain(arrays["in/x_keep"].shape[3])
    method, view = oracle_method(arrays, layout), clips_of(arrays, "in/x_keep", layout)
    everybody = replace(view, present=torch.ones_like(view.present))
    features = method.key_features(view)
    absent = ~view.present.any(dim=2)
    assert not method.detect(view, features)[absent].any()
    assert method.detect(everybody, features)[absent].any()
