"""An experiment: a configuration on a store, trained with a seed as often as a protocol asks for, and measured.

Whatever is there already is not made again, so an experiment that was stopped goes on where it was. A folder can be
shared by any number of processes: two that need the same training wait for one another.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

import torch
from filelock import FileLock

from kineme.evaluate import classifier, fusion
from kineme.evaluate import finetune as tuning
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.finetune import Training, finetune, from_scratch, protocol_name
from kineme.evaluate.fusion import evaluate_fusion
from kineme.evaluate.protocols import protocols
from kineme.evaluate.result import Result
from kineme.evaluate.streams import stream_folders, stream_runs
from kineme.methods import ClassifierConfig
from kineme.recipes.base import RunConfig, fine_tuning, of_stream
from kineme.store import SkeletonStore
from kineme.train.config import Precision
from kineme.train.loop import OnStep, fit
from kineme.train.run_dir import RunDir

FUSION, FUSED, SEMI = "fusion-", "fused ", "semi"
THREE_STREAMS: Final = ("joint", "motion", "bone")
STREAMS: Final = {"crosclr": ("joint",), "danet": (*THREE_STREAMS, "bone_motion")}
"""Streams that are fused, of methods that do not have the usual three; CrosSCLR trains all of its own in one run."""

Display = Callable[[str], AbstractContextManager[OnStep]]
"""Shows a training, given what it is."""


def silent(title: str) -> AbstractContextManager[OnStep]:
    """Shows nothing."""
    return nullcontext(lambda report: None)


@dataclass(frozen=True)
class Experiment:
    """What is trained and measured, whatever the seed.

    Args:
        name: of its folders.
        config: the run.
        store: folder of the clips.
        source: whose run the training starts from, seed by seed and stream by stream; None where it starts from
            what the configuration says.
    """

    name: str
    config: RunConfig
    store: Path
    source: "Experiment | None" = None

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams that are trained one by one where several are fused."""
        return STREAMS.get(self.config.method.name, THREE_STREAMS)

    def at_precision(self, precision: Precision) -> "Experiment":
        """The same, trained in a precision."""
        config = self.config.with_changes(train=self.config.train.with_changes(precision=precision))
        return replace(self, config=config, source=self.source and self.source.at_precision(precision))


@dataclass(frozen=True)
class Job:
    """An experiment with one seed, and where and how it is run.

    Args:
        experiment: what is run.
        seed: of everything random.
        out: folder that all runs lie in.
        accelerator: where to train and evaluate: "auto", "cpu", "cuda" or "mps".
        display: shows trainings.
    """

    experiment: Experiment
    seed: int
    out: Path
    accelerator: str = "auto"
    display: Display = silent

    def measure(self, protocol: str) -> Result:
        """Result under a protocol; what it takes is trained first.

        Args:
            protocol: of frozen features; ``finetune``, or ``semi10`` with a tenth of the labels; ``classify``, by the
                method's own head; ``fusion-`` and any of these but fine-tuning, of several streams; or ``fused`` and a
                fine-tuning, of several streams.

        Raises:
            UnknownNameError: no such protocol.
            InterruptedRunError: a training was asked to stop, and saved what it has.
            KinemeError: whatever trainings and evaluations raise.
        """
        return self.result(protocol) or self._measured(protocol)

    def result(self, protocol: str) -> Result | None:
        """Result under a protocol as it is defined today; None where it is yet to be measured."""
        file = self.result_file(protocol)
        if not file.exists():
            return None
        result = Result.load(file)
        return result if result.protocol.endswith(f"@{version(protocol)}") else None

    def result_file(self, protocol: str) -> Path:
        """Where the result under a protocol is kept."""
        run = self.folder(self._streams(protocol)[0])
        if protocol.startswith(FUSED):
            first = stream_folders(run, self.experiment.config)[0]
            tuned = first / protocol.removeprefix(FUSED) / f"seed-{self.seed}"
            return tuned / "results" / f"{FUSION}{classifier.NAME}.json"
        folder = run / protocol if is_tuning(protocol) else run
        return folder / "results" / f"{protocol}.json"

    @property
    def name(self) -> str:
        """Of the experiment with this seed."""
        return f"{self.experiment.name}-seed{self.seed}"

    def folder(self, stream: str) -> Path:
        """Folder of one stream's run; that of the configured stream has no suffix."""
        own = stream == self.experiment.config.prepare.stream
        return self.out / (self.name if own else f"{self.name}-{stream}")

    def runs(self, protocol: str) -> list[RunDir]:
        """Trainings behind a result, as far as they are there: of every stream, but not those they started from."""
        kind = protocol.removeprefix(FUSED)
        folders = [self.folder(stream) for stream in self._streams(protocol)]
        if is_tuning(kind):
            singles = [each for folder in folders for each in stream_folders(folder, self.experiment.config)]
            folders = [single / kind / f"seed-{self.seed}" for single in singles]
        return [RunDir.open(folder) for folder in folders if (folder / "run.json").exists()]

    def trained(self, stream: str) -> RunDir:
        """Run of one stream, trained to its end."""
        config, path = self._config(stream), self.folder(stream)
        with _alone(path), self.display(path.name) as on_step:
            there = (path / "run.json").exists()
            return fit(config, self.store, path, resume=there, accelerator=self.accelerator, on_step=on_step)

    def tuned(self, stream: str, protocol: str) -> list[RunDir]:
        """Runs of one stream, fine-tuned and measured; several where one pretraining has several streams.

        Runs from scratch are shared by whatever fine-tunes the same encoder in the same way.
        """
        return [self._tuned(config, path / protocol, protocol) for config, path in self._tunings(stream)]

    @cached_property
    def store(self) -> SkeletonStore:
        """The clips."""
        return SkeletonStore.open(self.experiment.store)

    def _measured(self, protocol: str) -> Result:
        streams, device = self._streams(protocol), compute_device(self.accelerator)
        kind = protocol.removeprefix(FUSED).removeprefix(FUSION)
        if not is_tuning(kind) and kind != classifier.NAME:
            protocols.get(kind)  # an unknown one is refused before anything is trained
        if protocol.startswith(FUSED):
            tuned = [run for stream in streams for run in self.tuned(stream, kind)]
            return evaluate_fusion(tuned, self.store, protocol=classifier.NAME, seed=self.seed, device=device)
        if protocol.startswith(FUSION):
            runs = [self.trained(stream) for stream in streams]
            return evaluate_fusion(runs, self.store, protocol=kind, seed=self.seed, device=device)
        if is_tuning(protocol):
            self.tuned(streams[0], protocol)
            return Result.load(self.result_file(protocol))
        if protocol == classifier.NAME:
            return classifier.evaluate_classifier(self.trained(streams[0]), self.store, device=device)
        return evaluate(self.trained(streams[0]), self.store, protocol, seed=self.seed, device=device)

    def _tuned(self, config: RunConfig, out: Path, protocol: str) -> RunDir:
        config = config.with_changes(
            train=config.train.with_changes(seed=self.seed),
            subset=config.subset.with_changes(fraction=share(protocol)),
        )
        assert protocol_name(config) == protocol
        control = from_scratch(config.with_changes(train=config.train.with_changes(seed=0)))
        digest = sha256(control.model_dump_json().encode()).hexdigest()[:8]
        scratch = self.out / "scratch" / f"{self.experiment.store.stem}-{protocol}-{digest}"
        training = Training(resume=True, accelerator=self.accelerator, display=self.display)
        with _alone(scratch / f"scratch-seed-{self.seed}"):
            finetune(config, self.store, out, scratch=scratch, training=training)
        return RunDir.open(out / f"seed-{self.seed}")

    def _tunings(self, stream: str) -> list[tuple[RunConfig, Path]]:
        """Configurations of fine-tunings, and the folders they go in: of what was pretrained, or a supervised
        recipe's own."""
        if not isinstance(self.experiment.config.method, ClassifierConfig):
            runs = stream_runs(self.trained(stream))
            return [(fine_tuning(run.config, str(run.path)), run.path) for run in runs]
        return [(self._config(stream), self.folder(stream))]

    def _config(self, stream: str) -> RunConfig:
        """The run of one stream, from its source's weights."""
        config, source = of_stream(self.experiment.config, stream), self.experiment.source
        config = config.with_changes(train=config.train.with_changes(seed=self.seed))
        if source is None:
            return config
        weights = replace(self, experiment=source).trained(stream).path
        return config.with_changes(start=config.start.with_changes(weights=str(weights)))

    def _streams(self, protocol: str) -> tuple[str, ...]:
        several = protocol.startswith((FUSION, FUSED))
        return self.experiment.streams if several else (self.experiment.config.prepare.stream,)


def version(protocol: str) -> int:
    """Version of a protocol, which is raised whenever its results change."""
    if protocol.startswith((FUSED, FUSION)):
        return fusion.VERSION
    if is_tuning(protocol):
        return tuning.VERSION
    return classifier.VERSION if protocol == classifier.NAME else protocols.get(protocol).version


def is_tuning(protocol: str) -> bool:
    """Whether a protocol trains the network on labels."""
    return protocol == "finetune" or protocol.startswith(SEMI)


def share(protocol: str) -> float:
    """Share of the labels of a fine-tuning: 0.1 of ``semi10``."""
    return float(protocol.removeprefix(SEMI)) / 100 if protocol.startswith(SEMI) else 1.0


def compute_device(accelerator: str) -> torch.device:
    """Device on which trainings of an accelerator compute."""
    if accelerator != "auto":
        return torch.device(accelerator)
    for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())):
        if there:
            return torch.device(name)
    return torch.device("cpu")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time train what is kept in a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):
        yield
