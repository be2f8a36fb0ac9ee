"""Settings of probes that another family has: a plain linear layer under steps, and other neighbours."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.errors import ConfigError
from kineme.evaluate.config import LinearProbeConfig, NeighbourConfig
from kineme.evaluate.protocols import Settings, Task, protocols
from kineme.evaluate.protocols.linear import LinearProbe

CONTRASTIVE = LinearProbeConfig(lr=3, batch_size=4, epochs=3, norm=False, schedule="steps", steps=(1,))


def task(probe: LinearProbeConfig, features: torch.Tensor | None = None) -> Task:
    generator = torch.Generator().manual_seed(0)
    train = torch.randn(1, 12, 5, generator=generator) if features is None else features
    return Task(train, torch.arange(12) % 3, train[0], 3, Settings(probe))


def by_hand(task: Task) -> torch.Tensor:
    """Logits of the queries, from the recipe's own words: SGD with momentum 0.9, a tenth of the rate after a step."""
    torch.manual_seed(0)
    weight = torch.nn.init.normal_(torch.nn.Linear(5, 3).weight.detach(), std=0.02)
    bias = torch.zeros(3)
    velocity = [torch.zeros_like(weight), torch.zeros_like(bias)]
    generator = torch.Generator().manual_seed(0)
    for rate in (3.0, 0.3, 0.3):
        order = torch.randperm(12, generator=generator)
        for batch in order.split(4):
            x, wanted = task.train[batch], torch.nn.functional.one_hot(task.labels[batch], 3)
            error = ((x @ weight.T + bias).softmax(dim=1) - wanted) / 4
            for i, gradient in enumerate((error.T @ x, error.sum(dim=0))):
                velocity[i] = 0.9 * velocity[i] + gradient
            weight, bias = weight - rate * velocity[0], bias - rate * velocity[1]
    return task.queries @ weight.T + bias


def test_plain_probe_in_steps() -> None:
    plain = task(CONTRASTIVE)
    scores = LinearProbe().candidates(plain).scores
    assert scores is not None
    torch.testing.assert_close(scores, by_hand(plain), rtol=1e-4, atol=1e-4)


def test_a_single_clip_without_norm() -> None:
    probe = CONTRASTIVE.with_changes(batch_size=2)
    one = Task(torch.ones(1, 1, 5), torch.tensor([2]), torch.ones(1, 5), 3, Settings(probe))
    assert LinearProbe().candidates(one).predictions[-1].item() == 2


def test_the_default_is_one_of_the_neighbours() -> None:
    with pytest.raises(ConfigError, match="expected default to be one of"):
        NeighbourConfig.parse({"neighbours": [10, 20]})


@pytest.mark.parametrize("path", golden_cases("contrastive/11_knn_schedules*.npz"))
def test_neighbours_of_the_contrastive_family(path: Path) -> None:
    arrays = load_npz(path)
    counts = tuple(sorted(int(key.removeprefix("out/pred_k")) for key in arrays if key.startswith("out/pred_k")))
    config = NeighbourConfig(
        neighbours=counts, default=counts[0], temperature=round(float(arrays["in/temperature"]), 6)
    )
    bank, labels, queries = (torch.from_numpy(arrays[f"in/{name}"]) for name in ("bank", "bank_labels", "query"))
    question = Task(bank[None], labels, queries, int(arrays["in/num_classes"]), Settings(knn=config))
    candidates = protocols.get("knn")().candidates(question)
    assert counts, "the file has no predictions"
    for k, predicted in zip(counts, candidates.predictions, strict=True):
        np.testing.assert_array_equal(predicted.numpy(), arrays[f"out/pred_k{k}"][:, 0], err_msg=f"k={k}")
