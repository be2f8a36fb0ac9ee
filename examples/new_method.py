"""A new masked method, whole: what it adds, its recipe, and a run: python examples/new_method.py

In the library the class would be ``src/kineme/methods/tube.py`` and the recipe a function in ``src/kineme/recipes``;
registering them is all it takes for the command line, the documentation and the contract tests to know them.
"""

from pathlib import Path
from typing import ClassVar

import tyro
from torch import Tensor

from kineme.evaluate.evaluate import evaluate
from kineme.methods import methods
from kineme.methods.masked import MaskedConfig, MaskedPrediction
from kineme.recipes.base import RunConfig, recipe_config, recipes
from kineme.synthetic import synthetic_store
from kineme.train.loop import fit


class TubeConfig(MaskedConfig):
    """Settings of tube masking."""

    name: str = "tube"


@methods.register("tube")
class Tube(MaskedPrediction):
    """Hides joints for the whole clip, so that nothing can be copied from the moment before; predicts coordinates."""

    Config: ClassVar = TubeConfig

    def target(self, x: Tensor) -> Tensor:
        return x

    def mask_key(self, segments: Tensor, uniform: Tensor) -> Tensor:
        one_per_joint = uniform[:, : self.encoder.layout.num_joints]  # tokens are slot-major: the first slot's draws
        return one_per_joint.repeat(1, self.encoder.slots)


@recipes.register("tube-compact")
def tube_compact() -> RunConfig:
    """Tube masking on small data; everything but the method as MAMP has it."""
    return recipe_config("mamp-compact").with_changes(
        method=TubeConfig(mask_ratio=0.6, decoder_width=64, decoder_depth=1)
    )


def main(out: Path = Path("runs/new-method"), subjects: int = 8, epochs: int = 50) -> None:
    """Pretrain with the new method and measure it."""
    store = synthetic_store(num_subjects=subjects)
    config = recipe_config("tube-compact")
    config = config.with_changes(split="odd-even-subjects", train=config.train.with_changes(epochs=epochs))
    result = evaluate(fit(config, store, out), store, "knn")
    print(f"{result.method}, {result.protocol}: {result.metrics.last.accuracy:.1%}")


if __name__ == "__main__":
    tyro.cli(main)
