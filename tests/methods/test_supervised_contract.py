"""Supervised training of every registered encoder: two steps, and the classes that its head then tells apart."""

from pathlib import Path

import pytest

from fake import small_store
from kineme.encoders import encoders
from kineme.evaluate.classifier import evaluate_classifier
from kineme.methods import ClassifierConfig
from kineme.train.loop import fit
from small import small_pair

STORE = small_store(classes=4)


@pytest.mark.parametrize("encoder", encoders.names())
def test_train_and_classify(encoder: str, tmp_path: Path) -> None:
    config = small_pair("supervised", encoder)
    config = config.with_changes(
        split="nucla-xview", train=config.train.with_changes(epochs=1, batch_size=8, warmup_epochs=0)
    )
    run = fit(config, STORE, tmp_path / "run", accelerator="cpu")
    assert isinstance(run.config.method, ClassifierConfig)
    assert run.config.method.num_classes == 4
    result = evaluate_classifier(run, STORE, controls=False)
    assert len(result.metrics.confusion) == 4
    assert result.counts.test == sum(map(sum, result.metrics.confusion))
