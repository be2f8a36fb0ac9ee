"""Pairs of runs: who is compared with whom, and what is said where that cannot be."""

from pathlib import Path

import pytest

from fake import small_store, tiny_config
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.pairs import pairs
from kineme.evaluate.report import RunReport, collect
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[RunReport]:
    """Three runs; linear is of the first two alone, another split of the last."""
    store, config = small_store(num_clips=36), tiny_config(split="nucla-xview")
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two", "three")]
    for folder, protocols in zip(folders, (("knn", "linear"), ("knn", "linear"), ("knn",)), strict=True):
        run = RunDir.create(folder, config, store, len(store))
        run.save_weights(build_method(config, store.layout, store.channels).state_dict())
        for protocol in protocols:
            evaluate(run, store, protocol, controls=False)
    evaluate(RunDir.open(folders[2]), store, "linear", split="odd-even-subjects", controls=False)
    return collect(folders)


def test_same_protocol_and_split(reports: list[RunReport]) -> None:
    found = list(pairs(reports))
    first, second, third = reports
    assert [(pair.protocol, pair.first, pair.second) for pair in found] == [
        ("knn@1", first, second),
        ("knn@1", first, third),
        ("knn@1", second, third),
        ("linear@2", first, second),
    ]
    assert all(pair.comparison and pair.comparison.difference == 0 and not pair.problem for pair in found)


def test_missing_predictions_are_a_problem_of_the_pair(reports: list[RunReport], tmp_path: Path) -> None:
    file = reports[1].run.path / "predictions" / "linear.npz"
    file.rename(tmp_path / "linear.npz")
    *others, last = pairs(reports)
    (tmp_path / "linear.npz").rename(file)
    assert last.comparison is None
    assert "no predictions of linear" in last.problem
    assert not any(pair.problem for pair in others)
