"""Confusion matrices and embeddings: what is on paper against the result and the features."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread

from kineme.errors import ConfigError
from kineme.evaluate.bank import FeatureBank
from kineme.evaluate.result import Counts, Result, Score, Scores
from kineme.viz.confusion_figure import confusion_figure, draw_confusion
from kineme.viz.embedding_figure import draw_embedding, embedding, embedding_figure

COUNTS = ((6, 2, 0), (0, 0, 5), (0, 0, 0))


def result_of(counts: Any = COUNTS) -> Result:
    score = Score(accuracy=0.5, low=0.4, high=0.6, candidate="k=1", rule="fixed")
    return Result(
        protocol="knn@1",
        run="runs/tiny",
        recipe="",
        method="mae",
        store="memory",
        split="nucla-xview",
        seed=0,
        train_seed=0,
        classes=(*(f"motion {k}" for k in range(len(counts) - 1)), "a motion with a name beyond all measure"),
        counts=Counts(train=1, validation=0, test=13),
        metrics=Scores(last=score, best_val=None, best_test=score, confusion=counts),
        chance=1 / 3,
        majority=0.5,
    )


def bank_of(clips: int, classes: int = 3, width: int = 8) -> FeatureBank:
    """Features that lie around one place per class."""
    rng = np.random.default_rng(0)
    labels = np.arange(clips) % classes
    features = rng.normal(size=(classes, width))[labels] * 5 + rng.normal(size=(clips, width)) * 0.1
    return FeatureBank(
        torch.from_numpy(features).float()[None],
        np.array([f"clip{i}" for i in range(clips)]),
        torch.from_numpy(labels),
        torch.zeros(clips, dtype=torch.int64),
        tuple(f"motion {k}" for k in range(classes)),
    )


def test_rows_are_true_classes_in_percent() -> None:
    axes = Figure().add_subplot()
    draw_confusion(axes, result_of(), named=True)
    (image,) = axes.images
    np.testing.assert_allclose(np.asarray(image.get_array()), [[75, 25, 0], [0, 0, 100], [0, 0, 0]])
    assert image.get_cmap().name == "Blues"
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "75", (1, 0): "25", (2, 1): "100"}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["motion 0", "motion 1", "a motion with a name …"]
    assert axes.get_ylabel() == "true"


def test_small_confusion_has_no_names() -> None:
    axes = Figure().add_subplot()
    draw_confusion(axes, result_of(), named=False)
    assert not axes.texts


def test_confusion_figures(tmp_path: Path) -> None:
    small, large = (
        imread(confusion_figure(result_of(np.eye(classes, dtype=int).tolist()), tmp_path / "a.png", dpi=40))
        for classes in (3, 60)
    )
    assert len(large) > 3 * len(small)
    text = confusion_figure(result_of(), tmp_path / "a.svg").read_text()
    assert "tiny on nucla-xview" in text
    assert "Confusion of knn, 50.0 % right" in text


@pytest.mark.parametrize(("clips", "expected"), [(60, "t-SNE"), (20, "principal components")])
def test_embedding(clips: int, expected: str) -> None:
    bank = bank_of(clips)
    places, how = embedding(bank.features.double().numpy())
    assert how == expected
    assert places.shape == (clips, 2)
    np.testing.assert_allclose([places.min(axis=0), places.max(axis=0)], [[0, 0], [1, 1]])
    labels = bank.labels.numpy()
    centres = np.stack([places[labels == k].mean(axis=0) for k in range(3)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, labels)


def test_seed_of_the_embedding() -> None:
    features = bank_of(60).features.double().numpy()
    np.testing.assert_array_equal(embedding(features, 1)[0], embedding(features, 1)[0])


def test_features_that_are_all_alike_have_one_place() -> None:
    places, _ = embedding(np.ones((10, 4)))
    assert np.isfinite(places).all()


def test_points_and_names() -> None:
    axes, bank = Figure().add_subplot(), bank_of(60)
    draw_embedding(axes, bank, clips=25)
    assert sum(len(np.asarray(drawn.get_offsets())) for drawn in axes.collections) == 25
    assert len({np.asarray(drawn.get_facecolor()).tobytes() for drawn in axes.collections}) == 3
    assert axes.get_title(loc="left") == "Features of 25 test clips (principal components)"
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(bank.classes)


@pytest.mark.parametrize("bank", [None, bank_of(2)], ids=["none", "two"])
def test_hardly_any_features(bank: FeatureBank | None) -> None:
    axes = Figure().add_subplot()
    draw_embedding(axes, bank, of="training clips")
    assert axes.get_title(loc="left") == "No features of training clips to draw"


def test_embedding_figures(tmp_path: Path) -> None:
    text = embedding_figure(bank_of(20), tmp_path / "a.svg", name="tiny", of="training clips").read_text()
    assert "tiny" in text
    assert "Features of 20 training clips" in text
    few, many = (imread(embedding_figure(bank_of(28, classes=k), tmp_path / "a.png")) for k in (3, 60))
    assert many.shape[1] > few.shape[1]


def test_without_matplotlib_the_extra_is_named(tmp_path: Path) -> None:
    with patch.dict("sys.modules", matplotlib=None):
        for draw, what in ((confusion_figure, result_of()), (embedding_figure, bank_of(20))):
            with pytest.raises(ConfigError, match=r"pip install 'kineme\[viz\]'"):
                draw(what, tmp_path / "a.png")  # pyright: ignore[reportArgumentType]
