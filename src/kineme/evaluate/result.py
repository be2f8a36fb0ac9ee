"""Result of one protocol on one run: what is printed, compared and kept as JSON."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from kineme.config import Config
from kineme.evaluate.config import FeatureConfig, LinearProbeConfig, NeighbourConfig, RefineConfig
from kineme.train.run_dir import write_atomically

Share = Annotated[float, Field(ge=0, le=1)]


class Estimate(Config):
    """An accuracy on the test clips."""

    accuracy: Share
    low: Share
    """Ends of the 95 % interval."""
    high: Share


class Score(Estimate):
    """An accuracy on the test clips and how it was come by."""

    candidate: str
    """Setting that was used, such as "epoch 100" or "k=5"."""
    rule: str
    """How that setting was chosen."""


class Scores(Config):
    """Everything that one set of features scored under one protocol."""

    last: Score
    """The result: nothing was selected."""
    best_val: Score | None
    """The setting that subjects held out of training prefer."""
    why_no_best_val: str = ""
    best_test: Score
    """What papers report: the maximum over settings on the test clips. Optimistic."""
    confusion: tuple[tuple[int, ...], ...]
    """Counts of ``last``: row k holds what clips of class k were taken for."""
    extra: dict[str, float] = Field(default_factory=dict)
    """Figures beyond accuracy (mAP, R@k)."""

    @property
    def per_class(self) -> tuple[float | None, ...]:
        """Accuracy of ``last`` within each class; None for a class without test clips."""
        return tuple(row[k] / sum(row) if sum(row) else None for k, row in enumerate(self.confusion))


class Counts(Config):
    """How many clips took part."""

    train: int
    validation: int
    """Training clips of the subjects held out to choose a setting."""
    test: int
    unlabelled: int = 0
    """Clips of either side that were left out because they have no label."""


class FeatureHealth(Config):
    """State of the training clips' features (see `kineme.evaluate.health`)."""

    spread: float
    effective_rank: float
    max_rank: int
    dead: int
    messages: tuple[str, ...]


class Measured(Config):
    """What was measured on which run, whatever came out."""

    protocol: str
    """Name and version, ``linear@2``."""
    run: str
    """Folder of the run."""
    recipe: str
    method: str
    store: str
    split: str
    seed: int
    """Of everything random in the evaluation."""
    train_seed: int
    """Of the run's training."""
    chance: Share
    """One over the number of classes."""

    @property
    def name(self) -> str:
        """Protocol without its version."""
        return self.protocol.partition("@")[0]

    def save_in(self, folder: Path, own_split: str | None) -> Path:
        """Write into a folder; an earlier one of the same protocol and split is replaced.

        Args:
            folder: within that of the run; made where it is not there.
            own_split: the run's; what is measured on another has its name in the file's.
        """
        file = folder / (f"{self.name}.json" if self.split == own_split else f"{self.name}-{self.split}.json")
        file.parent.mkdir(exist_ok=True)
        write_atomically(file, self.model_dump_json(indent=1).encode())
        return file


class Result(Measured):
    """One protocol on one run."""

    features: FeatureConfig | None = None
    """Pooling and scaling of frozen features; None where the network was trained."""
    probe: LinearProbeConfig | None = None
    knn: NeighbourConfig | None = None
    refine: RefineConfig | None = None
    classes: tuple[str, ...]
    counts: Counts
    metrics: Scores
    """The pretrained encoder; a mean, where trainings were repeated."""
    untrained: Scores | None = None
    """Control: the same protocol on the same encoder before pretraining; for fine-tuning, training from scratch."""
    coordinate_1nn: Score | None = None
    """Control: nearest neighbour in aligned coordinates, no network at all."""
    seen: int | None = None
    """Test clips that the weights were trained on, pretraining included (see `kineme.evaluate.seen`); None where that
    is not known."""
    majority: Share
    """Accuracy of always answering the most frequent training class."""
    health: FeatureHealth | None = None
    """Of frozen features."""

    def save(self, run: Path, own_split: str | None = None) -> Path:
        """Write below a run's folder; an earlier result of the same protocol and split is replaced.

        Args:
            run: the folder.
            own_split: the run's; results on another have its name in theirs. None where there is nothing to tell apart.
        """
        return self.save_in(run / "results", self.split if own_split is None else own_split)
