"""1-NN on refined features, and AgRNet's plain 1-NN."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from fake import small_store, tiny_config
from kineme.evaluate.config import NeighbourConfig, RefineConfig
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.protocols import Candidates, Settings, Task, protocols
from kineme.evaluate.protocols.refined import Refined
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

LABELS = torch.arange(40) % 4


def task(seed: int = 0, width: int = 32) -> Task:
    """Classes along few of many noisy directions."""
    generator = torch.Generator().manual_seed(1)
    centres = torch.randn(4, width, generator=generator) * 0.5
    train, queries = (centres[LABELS] + 0.3 * torch.randn(40, width, generator=generator) for _ in range(2))
    return Task(train[None], LABELS, queries, 4, Settings(seed=seed))


def refined(task: Task, **changes: float) -> Candidates:
    """Candidates under other settings of the training."""
    return Refined().candidates(replace(task, settings=replace(task.settings, refine=RefineConfig.parse(changes))))


def test_candidates_are_numbers_of_passes() -> None:
    candidates = refined(task(), passes=5, look_passes=2)
    assert candidates.names == ("pass 2", "pass 4", "pass 5")
    assert candidates.default == 2
    longer = refined(task(), passes=6, look_passes=1)
    assert torch.equal(longer.predictions[[1, 3, 4]], candidates.predictions), "looking changes nothing"


def test_refinement_keeps_what_tells_classes_apart() -> None:
    right = (refined(task(), passes=30, lr=1e-3).predictions == LABELS).double().mean(dim=1)
    assert right[-1] >= 0.9
    assert Refined().scores(task(), LABELS)["plain 1-NN"] >= 0.9


def test_it_depends_on_its_seed_and_plain_neighbours_do_not() -> None:
    queries = torch.randn(40, 32, generator=torch.Generator().manual_seed(2))
    noise = [replace(task(seed), queries=queries) for seed in (0, 1)]
    first, second = (refined(each, passes=1).predictions for each in noise)
    assert not torch.equal(first, second)
    assert Refined().scores(noise[0], LABELS) == Refined().scores(noise[1], LABELS)


def test_standardising_comes_first() -> None:
    plain, factor = replace(task(), settings=Settings(standardise=True)), torch.logspace(-2, 2, 32)
    stretched = replace(plain, views=plain.views * factor, queries=plain.queries * factor)
    assert torch.equal(refined(stretched, passes=2).predictions, refined(plain, passes=2).predictions)


def test_plain_neighbours_are_a_figure_of_the_result(tmp_path: Path) -> None:
    store, config = small_store(num_clips=36), tiny_config(split="nucla-xview")
    run = RunDir.create(tmp_path / "run", config, store, len(store))
    run.save_weights(build_method(config, store.layout, store.channels).state_dict())
    one = config.with_changes(knn={"neighbours": [1], "default": 1})
    plain = RunDir.create(tmp_path / "plain", one, store, len(store))
    plain.save_weights(build_method(config, store.layout, store.channels).state_dict())
    result = evaluate(run, store, "refined")
    assert result.protocol == "refined@1"
    assert result.metrics.last.candidate == "pass 100"
    assert result.untrained is not None
    expected = evaluate(plain, store, "knn", controls=False).metrics.last.accuracy
    assert result.metrics.extra == {"plain 1-NN": pytest.approx(expected)}


@pytest.mark.parametrize("path", golden_cases("agrnet/knn*.npz"))
def test_plain_neighbours_of_the_authors(path: Path) -> None:
    arrays = load_npz(path)
    train, labels, queries, wanted = (
        torch.from_numpy(arrays[f"in/{name}"]) for name in ("train", "train_labels", "test", "test_labels")
    )
    nearest = Settings(knn=NeighbourConfig(neighbours=(1,), default=1))
    question = Task(train[None], labels, queries, int(labels.max()) + 1, nearest)
    predicted = protocols.get("knn")().candidates(question).predictions[0]
    np.testing.assert_array_equal(predicted.numpy(), arrays["out/pred"])
    assert Refined().scores(question, wanted)["plain 1-NN"] == pytest.approx(float(arrays["out/accuracy"]))
