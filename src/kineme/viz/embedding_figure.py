"""How the features of clips lie: each clip a point in the plane, found by t-SNE. Needs the extra ``viz``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kineme.evaluate.bank import FeatureBank
from kineme.viz.chart import INK, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLIPS = 2000
"""Drawn at most, unless told otherwise; t-SNE takes seconds for so many."""
_FEWEST = 3
_LEGEND_ROWS = 30


def embedding_figure(
    bank: FeatureBank, file: str | Path, *, name: str = "", of: str = "test clips", clips: int = CLIPS, seed: int = 0
) -> Path:
    """Draw the features of a bank, large enough to name all classes.

    Args:
        bank: features.
        file: where to write; the suffix says which format (png, pdf, svg).
        name: of the run.
        of: what was drawn, in words.
        clips: how many at most, drawn at random.
        seed: of that draw, and of t-SNE.

    Returns:
        The file.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    columns = -(-len(bank.classes) // _LEGEND_ROWS)
    with new_figure(file, 7 + 1.7 * columns, 7) as figure:
        axes = figure.add_subplot()
        draw_embedding(axes, bank, of=of, clips=clips, legend_columns=columns, seed=seed)
        axes.set_title("\n".join(filter(None, (name, axes.get_title(loc="left")))), loc="left", color=INK)
    return Path(file)


def draw_embedding(
    axes: "Axes",
    bank: FeatureBank | None,
    *,
    of: str = "test clips",
    clips: int = CLIPS,
    legend_columns: int = 1,
    seed: int = 0,
) -> None:
    """Draw every clip as a point in the colour of its class.

    Args:
        axes: where.
        bank: features; where there are none or hardly any, the title says so.
        of: what was drawn, in words.
        clips: how many at most, drawn at random.
        legend_columns: of class names; 0 for no names.
        seed: of that draw, and of t-SNE.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    if bank is None or len(bank) < _FEWEST:
        axes.set_title(f"No features of {of} to draw", loc="left")
        return
    drawn = np.random.default_rng(seed).permutation(len(bank))[:clips]
    labels = bank.labels[drawn].numpy()
    places, how = embedding(bank.features[drawn].double().numpy(), seed)
    axes.set_title(f"Features of {len(labels)} {of} ({how})", loc="left")
    colours = _class_colours(len(bank.classes))
    for k in np.unique(labels):
        axes.scatter(*places[labels == k].T, s=14, color=colours[k], linewidths=0, alpha=0.85, label=bank.classes[k])
    if legend_columns:
        style = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "ncols": legend_columns, "columnspacing": 0.8}
        axes.legend(**style, fontsize=8, frameon=False, handletextpad=0.1)
    plain(axes)


def embedding(features: np.ndarray, seed: int = 0) -> tuple[np.ndarray, str]:
    """Places of features (n, D) in the plane, (n, 2) from 0 to 1 along either axis, and how they were found.

    t-SNE begins with the principal components and reads up to fifty of them. Fewer than thirty clips are shown by their
    principal components themselves.
    """
    from sklearn.manifold import TSNE

    left, size, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    components = left * size
    if len(features) < 30 or components.shape[1] < 3:
        return _from_0_to_1(np.pad(components, ((0, 0), (0, 2)))[:, :2]), "principal components"
    start = 1e-4 * components[:, :2] / max(components[:, 0].std(), 1e-12)
    tsne = TSNE(perplexity=min(30.0, len(features) / 4), init=start, random_state=seed)
    return _from_0_to_1(tsne.fit_transform(components[:, :50])), "t-SNE"


def _from_0_to_1(places: np.ndarray) -> np.ndarray:
    low, high = places.min(axis=0), places.max(axis=0)
    return (places - low) / np.maximum(high - low, 1e-12)


def _class_colours(num_classes: int) -> Sequence[tuple[float, ...]]:
    from matplotlib import colormaps

    if num_classes <= 10:
        return colormaps["tab10"](range(10)).tolist()
    if num_classes <= 20:
        return colormaps["tab20"](range(20)).tolist()
    return colormaps["gist_ncar"](np.linspace(0.03, 0.95, num_classes)).tolist()
