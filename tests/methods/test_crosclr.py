"""CrosSCLR: streams of their own until they find positives for each other."""

from copy import deepcopy

import pytest
import torch
from safetensors.torch import save

from kineme.clips import ClipBatch
from kineme.encoders.stgcn import STGCN, STGCNConfig
from kineme.errors import ConfigError
from kineme.layout import Layout
from kineme.methods import Progress
from kineme.methods.crosclr import CrosSCLR, CrosSCLRConfig, with_context
from kineme.methods.skeletonclr import SkeletonCLR, SkeletonCLRConfig
from kineme.nn.moco import follow
from kineme.transforms.streams import Bone, Motion

LAYOUT = Layout.get("kinect20")
SIZES = {"features": 8, "queue_size": 16, "momentum": 0.9}
STAGE_ONE, STAGE_TWO = (Progress(step=0, epoch=epoch, epochs=300) for epoch in (149.9, 150.0))
BATCH = 4


def built(**settings: object) -> CrosSCLR:
    torch.manual_seed(0)
    config = CrosSCLRConfig.parse({**SIZES, **settings})
    return CrosSCLR(config, STGCN(STGCNConfig(hidden_channels=4, width=16, dropout=0.0), LAYOUT, window=8))


def two_views(seed: int = 0) -> list[ClipBatch]:
    generator = torch.Generator().manual_seed(seed)
    clips = torch.arange(BATCH)
    shape = (BATCH, 1, 8, LAYOUT.num_joints, 3)
    present = torch.ones(shape[:3], dtype=torch.bool)
    return [ClipBatch(torch.randn(shape, generator=generator), present, clips, clips, clips, LAYOUT) for _ in range(2)]


def test_before_mining_every_stream_is_skeletonclr() -> None:
    method, views = built(), two_views()
    read_as = {"joint": views, "motion": [Motion().apply(view, {}) for view in views]}
    read_as["bone"] = [Bone().apply(view, {}) for view in views]
    losses, states = {}, {}
    for name, stream in method.streams.items():
        alone = SkeletonCLR(SkeletonCLRConfig.parse(SIZES), deepcopy(stream.encoder))
        own = {key: value for key, value in stream.state_dict().items() if not key.startswith("others.")}
        alone.load_state_dict(own)
        losses[name] = alone.step(read_as[name], {}, STAGE_ONE).loss
        states[name] = alone.state_dict()
    output = method.step(views, {}, STAGE_ONE)
    torch.testing.assert_close(output.loss, sum(losses.values()))
    assert {name: loss.item() for name, loss in output.logs.items()} == pytest.approx(
        {name: loss.item() for name, loss in losses.items()}
    )
    for name, stream in method.streams.items():
        after = stream.state_dict()
        assert all(torch.equal(after[key], value) for key, value in states[name].items())


def test_streams_share_nothing_and_start_apart() -> None:
    method = built()
    parameters = list(method.parameters())
    assert len({parameter.data_ptr() for parameter in parameters}) == len(parameters)
    weights = [stream.encoder.state_dict()["blocks.0.temporal.weight"] for stream in method.streams.values()]
    assert not any(torch.equal(weights[i], weights[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    for stream in method.streams.values():
        keys, queries = stream.key_projector.state_dict(), stream.projector.state_dict()
        assert all(torch.equal(keys[name], value) for name, value in queries.items())


@pytest.mark.parametrize("others", [("motion",), ("bone",), ("bone", "motion")])
def test_any_streams_beside_joints(others: tuple[str, ...]) -> None:
    output = built(others=others).step(two_views(), {}, STAGE_TWO)
    assert tuple(output.logs) == ("joint", *others)
    assert output.loss.isfinite()


def test_places_of_the_queues_are_of_the_same_clips() -> None:
    method = built()
    for progress in (STAGE_ONE, STAGE_TWO):
        method.step(two_views(), {}, progress)
    assert [int(stream.queue.place) for stream in method.streams.values()] == [2 * BATCH] * 3


def test_mining_begins_after_its_epoch() -> None:
    early, late = (built().step(two_views(), {}, progress) for progress in (STAGE_ONE, STAGE_TWO))
    for name in early.artefacts:
        assert torch.equal(early.artefacts[name], late.artefacts[name])
    assert early.loss != late.loss


def test_a_stream_takes_the_positives_that_another_finds() -> None:
    method = built(others=("motion",), context=False)
    joint = torch.tensor([[1.0, 5.0, 0.0]])
    motion = torch.tensor([[2.0, 0.0, 3.0]])
    losses = method.cross_losses({"joint": joint, "motion": motion})
    torch.testing.assert_close(losses["joint"], -joint.log_softmax(dim=1)[0, [0, 2]].mean())
    torch.testing.assert_close(losses["motion"], -motion.log_softmax(dim=1)[0, [0, 1]].mean())


def test_context_repeats_the_positives_for_products() -> None:
    method = built(others=("motion",), temperature=0.5)
    joint, motion = torch.tensor([[1.0, 5.0, 0.0]]), torch.tensor([[2.0, 0.4, 3.0]])
    wide = with_context(joint, motion, 0.5)
    torch.testing.assert_close(wide, torch.tensor([[1.0, 5.0, 0.0, 1.0, 0.0]]))
    losses = method.cross_losses({"joint": joint, "motion": motion})
    torch.testing.assert_close(losses["joint"], -wide.log_softmax(dim=1)[0, [0, 2, 4]].mean())


def test_a_stream_learns_from_the_mean_over_the_others() -> None:
    method = built(context=False)
    logits = {name: torch.randn(3, 17) for name in method.streams}
    pairs = [
        method.cross_losses({"joint": logits["joint"], name: logits[name]})["joint"] for name in ("motion", "bone")
    ]
    torch.testing.assert_close(method.cross_losses(logits)["joint"], torch.stack(pairs).mean())


def test_evaluation_changes_nothing() -> None:
    method = built().eval()
    before = deepcopy(method.state_dict())
    method.step(two_views(), {}, STAGE_TWO)
    assert all(torch.equal(before[name], value) for name, value in method.state_dict().items())


def test_quirks_share_the_joint_projector_and_save_it_once() -> None:
    method = built(reference_quirks=True)
    names = list(method.state_dict())
    assert [name for name in names if name.startswith("others.bone.projector.")] == [
        "others.bone.projector.0.weight",
        "others.bone.projector.0.bias",
    ]
    assert len(save(method.state_dict())) > 0, "safetensors refuses weights that are there twice"
    method.projector.state_dict()["2.bias"].add_(1)
    copy = deepcopy(method)
    for each in (method, copy):
        features = torch.randn(2, 1, 1, 1, 16)
        before = each.streams["bone"].query(features)
        each.projector.state_dict()["2.bias"].mul_(-1)
        assert not torch.equal(each.streams["bone"].query(features), before)


@pytest.mark.parametrize(("progress", "times"), [(STAGE_ONE, 3), (STAGE_TWO, 1)])
def test_quirks_of_following(progress: Progress, times: int) -> None:
    method = built(reference_quirks=True, independent_key_init=True)
    before = deepcopy(method)
    method.step(two_views(), {}, progress)
    expected = before.key_projector
    for _ in range(times):
        follow(expected, before.projector, SIZES["momentum"])
    torch.testing.assert_close(method.key_projector.state_dict(), expected.state_dict())
    moved = {
        name: not torch.equal(
            next(method.streams[name].key_encoder.parameters()), next(before.streams[name].key_encoder.parameters())
        )
        for name in method.streams
    }
    assert moved == {"joint": times == 3, "motion": True, "bone": times == 3}


@pytest.mark.parametrize("progress", [STAGE_ONE, STAGE_TWO])
def test_quirks_teach_every_parameter(progress: Progress) -> None:
    method = built(reference_quirks=True)
    method.step(two_views(), {}, progress).loss.backward()
    assert not [name for name, p in method.named_parameters() if p.requires_grad and p.grad is None]


def test_settings_that_contradict_themselves() -> None:
    with pytest.raises(ConfigError, match="every stream once"):
        CrosSCLRConfig.parse({"others": ["bone", "bone"]})
    with pytest.raises(ConfigError, match="add motion"):
        CrosSCLRConfig.parse({"others": ["bone"], "reference_quirks": True})
    with pytest.raises(ConfigError, match="others"):
        CrosSCLRConfig.parse({"others": []})
