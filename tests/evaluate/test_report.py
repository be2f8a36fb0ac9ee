"""Reports: the table as data, JSON, and a figure that is drawn for every kind of run."""

import json
from pathlib import Path

import pytest

from fake import small_store, tiny_config
from kineme.errors import RunError
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.report import RunReport, collect, report_json, table
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir
from kineme.viz.report_figure import report_figure


def evaluated(folder: Path, store: SkeletonStore, *names: str, controls: bool = True) -> Path:
    """Run with results of some protocols and a loss curve."""
    config = tiny_config(split="nucla-xview", recipe="tiny")
    run = RunDir.create(folder, config, store, len(store))
    run.save_weights(build_method(config, store.layout, store.channels).state_dict())
    losses = [{"step": i, "epoch": i / 3, "loss": 1 / (i + 1)} for i in range(9)]
    run.metrics_file.write_text("".join(json.dumps(line) + "\n" for line in losses))
    for name in names:
        evaluate(run, store, name, controls=controls)
    return folder


@pytest.fixture
def reports(tmp_path: Path) -> list[RunReport]:
    store = small_store(num_clips=36)
    first = evaluated(tmp_path / "first", store, "knn", "linear", "retrieval")
    return collect([first, evaluated(tmp_path / "second", store, "knn", controls=False)])


def test_rows(reports: list[RunReport]) -> None:
    rows = table(reports)
    assert [(row.run, row.protocol) for row in rows] == [
        ("first", "knn@1"),
        ("first", "linear@2"),
        ("first", "retrieval@1"),
        ("second", "knn@1"),
    ]
    assert rows[0].coordinate_1nn.startswith("100.0 [")
    assert rows[0].recipe == "tiny"
    assert rows[3].coordinate_1nn == rows[3].untrained == "-"
    assert rows[1].best_test.endswith(")")
    assert "mAP" in rows[2].extra


def test_json(reports: list[RunReport]) -> None:
    data = json.loads(report_json(reports))
    assert len(data["table"]) == len(data["results"]) == 4
    assert data["results"][0]["metrics"]["last"]["rule"]


def test_figure(reports: list[RunReport], tmp_path: Path) -> None:
    for number, shown in enumerate(([reports[0]], [reports[1]], reports)):
        file = report_figure(shown, tmp_path / f"{number}.png")
        assert file.read_bytes().startswith(b"\x89PNG")
        assert file.stat().st_size > 30_000


@pytest.mark.parametrize(("num_clips", "classes"), [(6, 1), (4, 2), (150, 25)])
def test_figure_of_odd_stores(tmp_path: Path, num_clips: int, classes: int) -> None:
    store = small_store(num_clips, classes, subjects=2, cameras=3 if num_clips > 4 else 2)
    if num_clips == 4:
        store.clips["camera"][:] = [1, 1, 1, 3]
    run = evaluated(tmp_path / "run", store, "knn")
    assert report_figure(collect([run]), tmp_path / "figure.svg").read_text().startswith("<?xml")


def test_a_run_without_results_says_what_to_do(tmp_path: Path) -> None:
    store = small_store()
    with pytest.raises(RunError, match="kineme eval linear"):
        collect([evaluated(tmp_path / "run", store)])
    with pytest.raises(RunError, match="no run here"):
        collect([tmp_path / "nothing"])
