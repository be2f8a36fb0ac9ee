"""Files of `kineme.synthetic`: written like those of NTU RGB+D, with classes of their own."""

from functools import cached_property

from kineme.datasets import datasets
from kineme.datasets.ntu import NTU60
from kineme.synthetic import SYNTHETIC_CLASSES


@datasets.register("synthetic")
class Synthetic(NTU60):
    """Made-up recordings for the demo: a few everyday actions by people of different build, from three cameras.

    `kineme.synthetic.write_ntu_files` writes the raw files.
    """

    name = "synthetic"

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the motions that can be made."""
        return SYNTHETIC_CLASSES

    @cached_property
    def listed_missing(self) -> frozenset[str]:
        """Nothing: the names of NTU's bad samples mean other recordings here."""
        return frozenset()
