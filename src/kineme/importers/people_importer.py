"""What the importers of pose estimators share: people found frame by frame, of whom a few are kept."""

from dataclasses import dataclass

from kineme.clips import Clip
from kineme.datasets.base import Source
from kineme.datasets.people import People
from kineme.importers.base import Importer, require_option

_MOST_BODIES = 100


@dataclass(frozen=True)
class PeopleImporter(Importer):
    """Recordings in which an estimator found people, one clip each.

    Args:
        bodies: people kept per frame, the surest.
    """

    bodies: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_option("bodies", self.bodies, 1 <= self.bodies <= _MOST_BODIES, f"1 to {_MOST_BODIES} people")

    def clip(self, source: Source, people: People) -> Clip:
        """The people of a recording in steady slots, as its clip."""
        xyz, confidence, present = people.bodies(self.bodies)
        return Clip(id=source.id, xyz=xyz, present=present, fps=self.fps, confidence=confidence)
