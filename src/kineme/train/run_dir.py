"""A run on disk: what was run (run.json), how it went (metrics.jsonl), what came out (weights.safetensors).

Every file is replaced as a whole, so a killed run leaves the last complete version of each.
"""

import io
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

import kineme
from kineme.config import Config
from kineme.errors import RunError
from kineme.layout import Layout
from kineme.methods import Method
from kineme.recipes.base import RunConfig
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.compute import Compute
from kineme.train.config import Start
from kineme.train.trained_clips import TrainedClips

STATE = "state.pt"
"""File of the training state within a run's folder."""
CLIPS = "clips.npz"
"""File of what the weights were trained on, within a run's folder."""
COMPUTE = "compute.json"
"""File of what the training cost, within a run's folder."""


class RunRecord(Config):
    """Contents of run.json."""

    kineme: str
    torch: str
    python: str
    config: RunConfig
    layout: dict[str, Any]
    """Joint layout of the data, whole, so that the weights can be used without the store."""
    channels: int
    store: str
    """Folder of the store; empty where weights were imported."""
    provenance: dict[str, Any]
    """The store's provenance, or that of imported weights."""
    num_clips: int
    """Clips that were pretrained on; 0 where that is not known."""

    @classmethod
    def new(cls, config: RunConfig, layout: Layout, channels: int, **origin: Any) -> "RunRecord":
        """Record of a new run, with the versions that are installed.

        Args:
            config: the run.
            layout: joints of the data.
            channels: C.
            origin: the fields that say where clips or weights are from.
        """
        versions = {"kineme": kineme.__version__, "torch": torch.__version__, "python": platform.python_version()}
        return cls(config=config, layout=layout.to_dict(), channels=channels, **versions, **origin)


class RunDir:
    """Folder of one run.

    Attributes:
        path: the folder.
        record: contents of run.json.
    """

    def __init__(self, path: Path, record: RunRecord) -> None:
        self.path, self.record = path, record

    @classmethod
    def create(
        cls, path: Path, config: RunConfig, store: SkeletonStore, num_clips: int, ids: np.ndarray | None = None
    ) -> "RunDir":
        """New run.

        Args:
            path: folder of the run.
            config: the run.
            store: of the clips.
            num_clips: N, clips that are trained on.
            ids: (N,) theirs, by which evaluation knows them again; it cannot where None.

        Raises:
            RunError: a run is there already, or the record of the run that this one starts from is damaged.
        """
        origin = {"store": str(store.path or "memory"), "provenance": store.provenance, "num_clips": num_clips}
        run = cls(path, RunRecord.new(config, store.layout, store.channels, **origin))
        run._require_room(", or go on with it: --resume")
        if ids is not None:
            write_atomically(path / CLIPS, TrainedClips.of(ids, clips_behind(config.start)).to_bytes())
        run._write_record()
        return run

    @classmethod
    def create_imported(
        cls,
        path: Path,
        config: RunConfig,
        layout: Layout,
        channels: int,
        weights: Mapping[str, Tensor],
        provenance: Mapping[str, Any],
    ) -> "RunDir":
        """New run of weights that were trained elsewhere, whole or not at all.

        Args:
            path: folder of the run.
            config: the run they would be of.
            layout: joints that the networks read.
            channels: C.
            weights: of the networks that the configuration describes.
            provenance: where they are from.

        Raises:
            RunError: a run is there already.
        """
        run = cls(path, RunRecord.new(config, layout, channels, store="", provenance=provenance, num_clips=0))
        run._require_room()
        run.save_weights(weights)
        run._write_record()  # last: a folder without it is no run
        return run

    def _require_room(self, otherwise: str = "") -> None:
        """Make the folder; one that holds a run is refused."""
        if (self.path / "run.json").exists():
            raise RunError(f"{self.path} holds a run already; choose another --out{otherwise}")
        self.path.mkdir(parents=True, exist_ok=True)

    def _write_record(self) -> None:
        write_atomically(self.path / "run.json", self.record.model_dump_json(indent=1).encode())

    @classmethod
    def open(cls, path: str | Path) -> "RunDir":
        """Existing run.

        Raises:
            RunError: no run there.
            ConfigError: run.json is damaged.
        """
        path = Path(path)
        if not (path / "run.json").is_file():
            raise RunError(f"{path}: no run here (no run.json); make one with: kineme pretrain RECIPE --store STORE")
        return cls(path, RunRecord.load(path / "run.json"))

    @property
    def config(self) -> RunConfig:
        """Configuration of the run."""
        return self.record.config

    @property
    def layout(self) -> Layout:
        """Joint layout that the networks read."""
        return Layout.from_dict(self.record.layout, where=f"{self.path}/run.json")

    @property
    def metrics_file(self) -> Path:
        """One JSON object per logged step."""
        return self.path / "metrics.jsonl"

    def metrics(self) -> list[dict[str, float]]:
        """Logged steps, oldest first, without the half line that a killed run may end in."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def compute(self) -> Compute | None:
        """What the training cost, or None where it was not recorded (imported weights) or not yet (no checkpoint).

        Raises:
            ConfigError: the file is damaged.
        """
        file = self.path / COMPUTE
        return Compute.load(file) if file.exists() else None

    def save_compute(self, compute: Compute) -> None:
        """Replace the record of what the training cost."""
        write_atomically(self.path / COMPUTE, compute.model_dump_json(indent=1).encode())

    def trained_clips(self) -> TrainedClips:
        """What the weights were trained on, as far as it was recorded.

        Raises:
            RunError: the file is damaged.
        """
        file = self.path / CLIPS
        if not file.exists():
            return TrainedClips.none(complete=False)
        try:
            return TrainedClips.from_bytes(file.read_bytes())
        except (ValueError, KeyError, EOFError, BadZipFile) as error:
            raise RunError(f"{file}: damaged ({error}); remove it, then nothing is known of seen clips") from error

    def save_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the weights."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        write_atomically(self.path / "weights.safetensors", save(tensors))

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Replace the training state."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomically(self.path / STATE, buffer.getvalue())

    def load_state(self, device: torch.device | str = "cpu") -> dict[str, Any] | None:
        """Training state, or None before the first checkpoint.

        Raises:
            RunError: the file is damaged.
        """
        file = self.path / STATE
        if not file.exists():
            return None
        try:
            return torch.load(file, map_location=device, weights_only=True)
        except (RuntimeError, UnpicklingError, EOFError) as error:
            raise RunError(f"{file}: damaged ({error}); remove it to train from the start") from error

    def load_method(self, device: torch.device | str = "cpu") -> Method:
        """Method with the trained weights, in evaluation mode.

        Raises:
            RunError: the run has no weights yet, or they are damaged or of other networks.
        """
        method = self.untrained()
        file = self.path / "weights.safetensors"
        if not file.exists():
            raise RunError(f"{self.path}: no weights yet; the run stopped before its first checkpoint, --resume it")
        try:
            method.load_state_dict(load_file(file))
        except (SafetensorError, RuntimeError) as error:
            raise RunError(f"{file}: not the weights of this run ({error})") from error
        return method.to(device).eval()

    def untrained(self) -> Method:
        """The untrained twin: the same networks as initialised, in evaluation mode."""
        return build_method(self.config, self.layout, self.record.channels).eval()


def clips_behind(start: Start) -> TrainedClips:
    """What the weights that training starts from were trained on; a mere file of weights does not tell.

    Raises:
        RunError: the record of their run is damaged.
    """
    if start.weights is None:
        return TrainedClips.none(complete=True)
    folder = Path(start.weights)
    is_run = (folder / "run.json").is_file()
    return RunDir.open(folder).trained_clips() if is_run else TrainedClips.none(complete=False)


def write_atomically(file: Path, content: bytes) -> None:
    """Replace a file so that it is always either the old or the new one."""
    temporary = file.with_name(file.name + ".writing")
    try:
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
