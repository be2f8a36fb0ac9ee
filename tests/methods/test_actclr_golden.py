"""ActCLR against the authors' code: views, maps, keys, mixed keys, losses, gradients, and what a step leaves behind."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from conftest import golden_cases
from contrastive_golden import LAYOUT, Golden, gradients
from kineme.clips import ClipBatch
from kineme.methods import Progress, StepOutput
from kineme.methods.actclr import ActCLR, ActCLRConfig
from kineme.transforms.base import Draws

ROUNDED = 1e-6
"""Maps and the weights of mixed keys are float32 in the authors' code, and all that comes of them."""


class ActCLRGolden(Golden):
    """One step of ActCLR."""

    def config(self) -> ActCLRConfig:
        return ActCLRConfig(
            features=self.meta["feature_dim"],
            queue_size=self.meta["queue_size"],
            momentum=self.meta["momentum"],
            temperature=self.meta["t_student"],
            key_temperature=self.meta["t_teacher"],
            mined=self.meta["mine_topk"],
            mined_below=self.meta["mine_max_sim"],
            stream=self.meta["mode"],
        )

    def draws(self) -> Draws:
        """Both widths of the first mix get the same draws; the step must take the one of its epoch all the same."""
        drawn = {f"{ours}.{key}": value for ours in ("wide", "narrow") for key, value in self.mix("mix1").items()}
        drawn |= {f"last.{key}": value for key, value in self.mix("mix2").items()}
        return {"adain.shift": self.drawn("adain_shift").squeeze(), **drawn}

    def mix(self, name: str) -> dict[str, Tensor]:
        parts = torch.zeros(5, dtype=torch.bool)
        parts[[OUR_PARTS[i] for i in self.arrays[f"in/draw/{name}_part_ids"]]] = True
        found = f"in/draw/{name}_lambda" in self.arrays
        return {
            "parts": parts,
            "shift": self.drawn(f"{name}_shift").squeeze(),
            "chunks": self.drawn(f"{name}_num_chunks"),
            "start": self.drawn(f"{name}_start_chunk"),
            "branch": self.drawn(f"{name}_branch_u"),
            "weight": self.drawn(f"{name}_lambda") if found else torch.zeros((), dtype=torch.float64),
        }

    def drawn(self, name: str) -> Tensor:
        return torch.from_numpy(np.array(self.arrays[f"in/draw/{name}"]))


def our_parts() -> list[int]:
    """Positions in the layout of torso, arm with joint 8, arm with joint 4, leg with 16, leg with 12."""
    parts = list(LAYOUT.part_indices.values())
    return [next(i for i, joints in enumerate(parts) if first in joints) for first in (0, 8, 4, 16, 12)]


OUR_PARTS = our_parts()


class Watched:
    """Records what an encoder reads and what its projector says."""

    def __init__(self, encoder: nn.Module, projector: nn.Module) -> None:
        self.read: list[Tensor] = []
        self.said: list[Tensor] = []
        encoder.features = self._recording(encoder.features)  # pyright: ignore
        projector.register_forward_hook(lambda module, args, output: self.said.append(output.detach()))

    def _recording(self, features: Callable[[ClipBatch], Tensor]) -> Callable[[ClipBatch], Tensor]:
        def record(batch: ClipBatch) -> Tensor:
            self.read.append(batch.xyz)
            return features(batch)

        return record


class Step:
    """One training step on golden views and draws."""

    def __init__(self, golden: ActCLRGolden) -> None:
        self.golden = golden
        self.method = ActCLR(golden.config(), golden.encoder())
        golden.load(self.method)
        self.query = Watched(self.method.encoder, self.method.projector)
        self.key = Watched(self.method.key_encoder, self.method.key_projector)
        views = [golden.view(f"im_{name}") for name in ("extreme", "q", "p", "k")]
        progress = Progress(step=1, epoch=golden.meta["epoch"] - 1, epochs=350)
        self.output: StepOutput = self.method.step(views, golden.draws(), progress)
        self.output.loss.backward()


@pytest.fixture(scope="module", params=golden_cases("contrastive/08_actclr_step*.npz"))
def step(request: pytest.FixtureRequest) -> Step:
    return Step(ActCLRGolden(request.param))


def their_clips(xyz: Tensor) -> Tensor:
    """(B, M, T, V, C) in the field's (N, C, T, V, M)."""
    return xyz.permute(0, 4, 2, 3, 1)


def their_map(ours: Tensor) -> Tensor:
    """(B, M, S, V) in the field's (N*M, 1, S, V)."""
    return ours.flatten(0, 1).unsqueeze(1)


def test_the_layout_has_the_published_parts() -> None:
    parts = list(LAYOUT.part_indices.values())
    published = [{0, 1, 2, 3, 20}, {8, 9, 10, 11, 23, 24}, {4, 5, 6, 7, 21, 22}, {16, 17, 18, 19}, {12, 13, 14, 15}]
    assert [set(parts[i]) for i in OUR_PARTS] == published


def test_maps(step: Step) -> None:
    for ours, theirs in (("normal_map", "map_q"), ("plain_map", "map_p")):
        step.golden.check(f"mid/{theirs}", their_map(step.output.artefacts[ours]), ROUNDED)


def test_views(step: Step) -> None:
    _, _, acted, styled, mixed = map(their_clips, step.query.read)
    for ours, theirs in ((acted, "view_q_merged"), (styled, "view_p_merged"), (mixed, "im_p_mix2")):
        step.golden.check(f"mid/{theirs}", ours, ROUNDED)


def test_keys(step: Step) -> None:
    golden, order = step.golden, torch.from_numpy(step.golden.arrays["in/batch_perm"])
    anchor, whole, focus = step.key.said
    golden.check("out/anchor_feat", anchor)
    golden.check("out/key_gap_shuffled", whole[order])
    golden.check("out/key_safp_shuffled", focus[order], ROUNDED)
    begin, end = int(golden.weights["queue_ptr"]), int(golden.arrays["out/queue_ptr_after"].item())
    golden.check("out/keys_enqueued", step.method.queue.keys[begin:end], ROUNDED)
    assert step.method.queue.place == end


def test_mixed_keys(step: Step) -> None:
    golden, order = step.golden, step.golden.mix("mix2")["shift"]
    keys = torch.from_numpy(golden.arrays["out/keys_enqueued"])
    own, added = (torch.from_numpy(golden.arrays[f"out/coef_{name}"])[:, None] for name in ("self", "partner"))
    expected = F.normalize(own * keys + added * keys.roll(-int(order), 0), dim=1)
    torch.testing.assert_close(step.output.artefacts["mixed_key"], expected, rtol=1e-6, atol=1e-6)


def test_queries_and_losses(step: Step) -> None:
    golden = step.golden
    for ours, theirs in zip(step.query.said, ("q", "q_p", "q_mix"), strict=True):
        golden.check(f"out/{theirs}", ours, ROUNDED)
    golden.check("out/kl_terms", torch.stack(list(step.output.logs.values())), ROUNDED)
    golden.check("out/loss", step.output.loss, ROUNDED)


def test_gradients_and_what_is_left(step: Step) -> None:
    step.golden.check_parameters("out/grad/", gradients(step.method), tolerance=1e-5)
    step.golden.check_parameters("out/after/", step.method.state_dict(), ROUNDED)
