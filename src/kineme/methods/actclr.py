"""ActCLR: momentum contrast in which the moving part of a clip, the actionlet, is told from the rest.

Lin et al., "Actionlet-Dependent Contrastive Learning for Unsupervised Skeleton-Based Action Recognition", CVPR 2023. As
in the authors' code (spec-contrastive §8); `kineme.methods.actclr_paper` is as in the paper.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.nn import functional as F

from kineme.clips import ClipBatch
from kineme.encoders import Encoder
from kineme.encoders.token_encoder import Positive
from kineme.errors import ConfigError
from kineme.losses.similarity_mining import mine, sharpened_kl, similarities
from kineme.methods.base import MethodConfig, Progress, StepOutput, methods
from kineme.methods.momentum_contrast import MomentumConfig, MomentumContrast, in_stage_two
from kineme.nn.actionlet import blend, difference_gradient, focus_pool, mixing_weights, part_map, to_frames
from kineme.nn.heads import pooled
from kineme.nn.processes import num_processes, total
from kineme.transforms.adain import SkeletonAdaIN, Stream, partners
from kineme.transforms.base import Draws
from kineme.transforms.mix import SkeletonMix, mixed_cells

Temperature = Annotated[float, Field(gt=0)]


class ActionletConfig(MomentumConfig):
    """Settings that both forms of ActCLR share."""

    queue_size: Positive = 65536
    temperature: Temperature = 0.1
    """Divides similarities of queries."""
    key_temperature: Temperature = 0.04
    """Divides similarities of keys; below ``temperature``, so that queries aim at a sharper distribution."""
    stream: Stream = "joint"
    """What the clips hold, for the exchange of styles; must be ``prepare.stream``."""


class ActCLRConfig(ActionletConfig):
    """Settings of ActCLR as in the authors' code."""

    name: str = "actclr"
    mined: Positive = 8192
    """Keys of the queue that a loss looks at: those most similar to the clip's own."""
    mined_below: Annotated[float, Field(ge=-1, le=1)] = 0.95
    """More similar ones are taken for the clip's own of an earlier epoch and count as -1."""
    focus: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of the actionlet in a key; the rest is that of the whole clip."""
    narrow_after: Annotated[float, Field(ge=0)] = 199
    """Epochs after which the second term mixes in less of the partner."""
    keep_style: bool = True
    """The third term mixes the clips in their new style where the stream is ``joint``: the authors' code overwrites
    them there, and not in the other streams."""
    weights_along: Literal["clips", "features"] = "clips"
    """What the weights of a mixed key multiply; ``features`` repeats a slip of the code before July 2024, with which
    the released weights were made. It runs only where a process has as many clips as ``features``."""


class ActionletContrast(MomentumContrast):
    """Base of both forms of ActCLR.

    Where training starts from other weights, such as those of AimCLR, both encoders start from the query encoder
    there, and the queue is new.

    Args:
        config: settings.
        encoder: any that has features of every joint.

    Raises:
        ConfigError: an encoder that leaves out joints.
    """

    starts_fresh: ClassVar[tuple[str, ...]] = ("key_encoder.", "key_projector.", "queue.")

    @classmethod
    def require_stream(cls, config: MethodConfig, stream: str) -> None:
        assert isinstance(config, ActionletConfig)
        if config.stream != stream:
            raise ConfigError(
                f"ActCLR exchanges styles as method.stream {config.stream} asks, and the clips are of prepare.stream "
                f"{stream}; give both the same"
            )

    def __init__(self, config: ActionletConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        joints = encoder.layout.num_joints
        if encoder.joints != joints:
            raise ConfigError(
                f"ActCLR needs an encoder with features of all {joints} joints, such as stgcn; this one has "
                f"{encoder.joints}"
            )
        self.adain = SkeletonAdaIN(config.stream)

    def after_start(self) -> None:
        """Let the key encoder start as a copy."""
        self.key_encoder.load_state_dict(self.encoder.state_dict())
        self.key_projector.load_state_dict(self.projector.state_dict())

    @torch.no_grad()
    def static_anchor(self, sequence: ClipBatch) -> Tensor:
        """Embedding (1, D') of an average sequence, a batch of one."""
        return self.key_projector(pooled(self.key_encoder.features(sequence)))


@methods.register("actclr")
class ActCLR(ActionletContrast):
    """Four views: strong, normal, the plain one that is mixed, the key's.

    The key of a clip is compared with the queue, and three queries must find the same similarities: the normal view
    with the strong one around its actionlet, the plain view in another style with a mixed one around its actionlet,
    and a mixed view, whose key is mixed alike.

    Args:
        config: settings.
        encoder: any that has features of every joint.

    Raises:
        ConfigError: an encoder that leaves out joints.
    """

    Config: ClassVar = ActCLRConfig
    num_views: ClassVar[int] = 4

    def __init__(self, config: ActCLRConfig, encoder: Encoder) -> None:
        super().__init__(config, encoder)
        self.config = config
        self.wide, self.narrow = SkeletonMix(), SkeletonMix(parts=(1, 2), chunks=(1, 3))

    def sample(self, views: Sequence[ClipBatch], generator: Generator) -> Draws:
        """Partners and mixes of the plain view; a step uses ``wide`` or ``narrow``, and ``last``."""
        plain, mixes = views[2], {"wide": self.wide, "narrow": self.narrow, "last": self.wide}
        drawn = {name: mix.sample(plain, generator) for name, mix in mixes.items()}
        drawn["adain"] = self.adain.sample(plain, generator)
        return {f"{name}.{key}": value for name, draws in drawn.items() for key, value in draws.items()}

    def step(self, views: Sequence[ClipBatch], draws: Draws, progress: Progress) -> StepOutput:
        strong, normal, plain, key_view = views
        self.follow()
        with torch.no_grad():
            anchor = self.static_anchor(mean_clip(key_view))
            key = self.focused_key(key_view, anchor)
            normal_map, plain_map = (self.actionlet(view, anchor) for view in (normal, plain))
        acted = blend(normal, strong, to_frames(normal_map, normal.xyz.shape[2]))
        queries = (acted, *self.mixed(plain, draws, progress, plain_map))
        mixed_key = self.mixed_key(key, plain, draws, plain_map)
        terms = self.terms(queries, key, mixed_key)
        self.remember(key)
        return StepOutput(
            loss=torch.stack(list(terms.values())).sum(),
            logs={name: term.detach() for name, term in terms.items()},
            artefacts={"normal_map": normal_map, "plain_map": plain_map, "mixed_key": mixed_key},
        )

    def focused_key(self, view: ClipBatch, anchor: Tensor) -> Tensor:
        """Unit vectors (B, D') of whole clips and of their actionlets."""
        features = self.key_encoder.features(view)
        gradient = difference_gradient(features, anchor, self.key_projector)
        actionlet = part_map(features, gradient, view.layout)
        whole, focus = (self.key_projector(x) for x in (pooled(features), focus_pool(features, actionlet)))
        return F.normalize(whole.lerp(focus, self.config.focus), dim=1)

    def actionlet(self, view: ClipBatch, anchor: Tensor) -> Tensor:
        """Map (B, M, S, V) of a view by the encoder that learns."""
        features = self.encoder.features(view)
        return part_map(features, difference_gradient(features, anchor, self.projector), view.layout)

    def mixed(
        self, plain: ClipBatch, draws: Draws, progress: Progress, actionlet: Tensor
    ) -> tuple[ClipBatch, ClipBatch]:
        """The plain view in another style, mixed around its actionlet; and the view that is mixed as a whole."""
        name, mix = ("narrow", self.narrow) if in_stage_two(progress, self.config.narrow_after) else ("wide", self.wide)
        with torch.autocast(plain.xyz.device.type, enabled=False):
            styled = self.adain.apply(plain, under("adain", draws))
        around = blend(styled, mix.apply(styled, under(name, draws)), to_frames(actionlet, plain.xyz.shape[2]))
        is_kept = self.config.keep_style and self.config.stream == "joint"
        return around, self.wide.apply(styled if is_kept else plain, under("last", draws))

    def mixed_key(self, key: Tensor, plain: ClipBatch, draws: Draws, actionlet: Tensor) -> Tensor:
        """Unit vectors (B, D') of every clip and its partner, by how much of their actionlets the last mix shows."""
        last = under("last", draws)
        partner = partners(len(plain), last["shift"])
        given, lost = (
            at_slots(cells, actionlet.shape[2]) for cells in mixed_cells(plain.layout, plain.xyz.shape[2], last)
        )
        own, added = (self.along(weight, key) for weight in mixing_weights(actionlet, partner, given, lost))
        return F.normalize(own * key + added * key[partner], dim=1)

    def along(self, weight: Tensor, key: Tensor) -> Tensor:
        """Weights (B,) of keys (B, D') as they multiply them.

        Raises:
            ConfigError: weights along features of which there are not as many as clips.
        """
        if self.config.weights_along == "clips":
            return weight[:, None]
        if len(weight) != key.shape[1]:
            raise ConfigError(
                f"method.weights_along 'features' wants as many clips in a process as method.features, "
                f"{key.shape[1]}; found {len(weight)}: change train.batch_size or take 'clips'"
            )
        return weight[None, :]

    def terms(self, queries: Sequence[ClipBatch], key: Tensor, mixed_key: Tensor) -> dict[str, Tensor]:
        """How far the similarities of the three queries' views are from those of their keys, () each."""
        queue = self.queue.keys.clone()
        own, mixed = (
            mine(similarities(each, queue), self.config.mined, self.config.mined_below) for each in (key, mixed_key)
        )
        wanted = {"strong": own, "styled": own, "mixed": mixed}
        return {
            name: self.term(view, *target, queue) for view, (name, target) in zip(queries, wanted.items(), strict=True)
        }

    def term(self, view: ClipBatch, wanted: Tensor, columns: Tensor, queue: Tensor) -> Tensor:
        """Divergence from wanted similarities (B, N) to keys in some columns (B, N) of the queue (K, D')."""
        found = similarities(self.query(self.encoder.features(view)), queue)
        # Squared as in the authors' code: a query may as well point the opposite way.
        nearest = found.square().gather(1, columns)
        return sharpened_kl(nearest, wanted, self.config.temperature, self.config.key_temperature)


def mean_clip(clips: ClipBatch) -> ClipBatch:
    """The mean of a batch, over all processes, as a batch of one; absent bodies count as zeros."""
    one = {name: getattr(clips, name)[:1] for name in ("length", "index", "label")}
    mean = total(clips.xyz.mean(0, keepdim=True)) / num_processes()
    return replace(clips, xyz=mean, present=total(clips.present.sum(0, keepdim=True)) > 0, **one)


def at_slots(cells: Tensor, slots: int) -> Tensor:
    """Cells (T, V) at the first frame of every slot: (S, V)."""
    frames = len(cells)
    first = torch.arange(slots, device=cells.device) * -(-frames // slots)
    return cells[first.clamp(max=frames - 1)]


def under(name: str, draws: Draws) -> Draws:
    """The draws of one part of a step."""
    return {key.removeprefix(f"{name}."): value for key, value in draws.items() if key.startswith(f"{name}.")}
