"""Pipelines built from their descriptions: in which order clips are prepared and augmented."""

from collections.abc import Iterator, Sequence

from torch import Generator

from kineme.clips import ClipBatch, RaggedClips
from kineme.transforms.align import Align
from kineme.transforms.augment import RandomMirror, RandomRotation, RandomScale
from kineme.transforms.base import Pipeline, Transform, in_turn
from kineme.transforms.bones import BoneRescale
from kineme.transforms.canonical import Canonical
from kineme.transforms.contrastive_preparation import RootRelative, YawPerFrame
from kineme.transforms.frames import CentreCrop, RandomCrop
from kineme.transforms.minmax import MinMax
from kineme.transforms.noise import GaussianBlur, GaussianNoise, PointDropout
from kineme.transforms.settings import Augmentation, Preparation
from kineme.transforms.spatial import AxisMask, MainRotation, Shear, Swap
from kineme.transforms.streams import Bone, Motion
from kineme.transforms.stride import Stride
from kineme.transforms.temporal import CropReflect, Stretch, TemporalFlip

Ragged = Transform[RaggedClips, RaggedClips]
Frames = Transform[RaggedClips, ClipBatch]
Dense = Transform[ClipBatch, ClipBatch]


def train_pipeline(prepare: Preparation, augment: Augmentation, corruption: Dense | None = None) -> Pipeline:
    """Random crop or stride, then augmentation, then stream (the field's order, spec-masked §1.4, spec-contrastive §2).

    A schedule is not looked at: `at_epoch` gives the view of an epoch. A corruption comes right after the crop.
    """
    dense = [*_corrupted(corruption), *_prepared(prepare), *_augmentations(augment), *_stream(prepare)]
    return Pipeline(_posed(prepare), _train_frames(prepare, augment), dense)


def eval_pipeline(prepare: Preparation, corruption: Dense | None = None) -> Pipeline:
    """Centre crop or stride, and stream; nothing random but a corruption, which comes right after the crop."""
    dense = [*_corrupted(corruption), *_prepared(prepare), *_stream(prepare)]
    return Pipeline(_posed(prepare), _eval_frames(prepare), dense)


class TrainViews:
    """Views of the same clips: a list of what `train_pipeline` gives for each.

    Where every view keeps whole clips, frames are read and prepared once for all of them.

    Args:
        prepare: what views share.
        views: one or more.
        share_crop: all views show the same frames: crops are drawn once, as the first view says.
    """

    def __init__(self, prepare: Preparation, views: Sequence[Augmentation], *, share_crop: bool = False) -> None:
        reflect = views[0].reflect if share_crop else 0
        own = [view.with_changes(reflect=0) for view in views] if share_crop else views
        self.pipelines = [train_pipeline(prepare, view) for view in own]
        self.shared, self.done = None, len(_prepared(prepare))
        if share_crop or prepare.resize == "stride" or all(view.keep == (1.0, 1.0) for view in views):
            dense = [*_prepared(prepare), *([CropReflect(reflect)] if reflect else [])]
            self.shared = Pipeline(_posed(prepare), _train_frames(prepare, views[0]), dense)

    def __call__(
        self, clips: RaggedClips, generator: Generator, partners: RaggedClips | None = None
    ) -> list[ClipBatch]:
        """All views of a batch.

        Args:
            clips: B clips.
            generator: of all draws.
            partners: B clips that views after the first show instead; crops that are shared are as long a part of
                them, at the same place.
        """
        others = len(self.pipelines) - 1
        if self.shared is None:
            shown = [clips] + [clips if partners is None else partners] * others
            return [pipeline(source, generator) for pipeline, source in zip(self.pipelines, shown, strict=True)]
        state = generator.get_state()
        prepared = [self.shared(clips, generator)] * (1 + others)
        if partners is not None:
            generator.set_state(state)
            prepared[1:] = [self.shared(partners, generator)] * others
        return [
            in_turn(pipeline.dense[self.done :], batch, generator)
            for pipeline, batch in zip(self.pipelines, prepared, strict=True)
        ]


def _train_frames(prepare: Preparation, augment: Augmentation) -> Frames:
    if prepare.resize == "stride":
        return _stride(prepare)
    keep, min_frames = augment.keep, augment.min_frames
    return RandomCrop(prepare.window, prepare.bodies, keep, min_frames, count_seen=prepare.count_seen)


def _eval_frames(prepare: Preparation) -> Frames:
    if prepare.resize == "stride":
        return _stride(prepare)
    return CentreCrop(prepare.window, prepare.bodies, prepare.test_keep, count_seen=prepare.count_seen)


def _stride(prepare: Preparation) -> Stride:
    return Stride(prepare.window, prepare.bodies, count_seen=prepare.count_seen)


def _posed(prepare: Preparation) -> list[Ragged]:
    """What changes the coordinate frame of a clip as a whole."""
    pose: list[Ragged] = []
    if prepare.align:
        pose = [Align()]
    elif prepare.centre or prepare.yaw:
        pose = [Canonical(centre=prepare.centre, yaw=prepare.yaw)]
    return [*pose, MinMax(prepare.bodies)] if prepare.scale == "minmax" else pose


def _corrupted(corruption: Dense | None) -> list[Dense]:
    return [] if corruption is None else [corruption]


def _prepared(prepare: Preparation) -> list[Dense]:
    root: list[Dense] = [RootRelative()] if prepare.root_relative else []
    yaw: list[Dense] = [YawPerFrame()] if prepare.yaw_per_frame else []
    return root + yaw


def _augmentations(augment: Augmentation) -> Iterator[Dense]:
    """Those that are on; the order is the field's."""
    if augment.mirror:
        yield RandomMirror(augment.mirror)
    if any(augment.rotation):
        yield RandomRotation(augment.rotation)
    if augment.scale:
        yield RandomScale(augment.scale)
    if augment.reflect:
        yield CropReflect(augment.reflect)
    if augment.shear:
        yield Shear(augment.shear, keep_root=augment.shear_keep_root)
    if augment.swap:
        yield Swap(augment.swap)
    if any(augment.main_rotation):
        yield MainRotation(*augment.main_rotation)
    if augment.noise:
        yield GaussianNoise(augment.noise_std, augment.noise)
    if augment.blur:
        yield GaussianBlur(augment.blur, normalise=augment.blur_normalise)
    if augment.axis_mask:
        yield AxisMask(augment.axis_mask)
    if augment.temporal_flip:
        yield TemporalFlip(augment.temporal_flip)
    if augment.dropout:
        yield PointDropout(augment.dropout_rate, augment.dropout)
    if augment.stretch:
        yield Stretch(augment.stretch)
    if augment.rescale:
        yield BoneRescale(augment.rescale)


def _stream(prepare: Preparation) -> list[Dense]:
    streams: dict[str, list[Dense]] = {
        "joint": [],
        "bone": [Bone()],
        "motion": [Motion()],
        "bone_motion": [Bone(), Motion()],
    }
    return streams[prepare.stream]
