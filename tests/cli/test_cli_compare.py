"""``kineme compare``: two evaluated runs on the same clips."""

from pathlib import Path

import pytest

from command_line import refuse, succeed
from fake import small_store, tiny_config
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.result import Result
from kineme.recipes.base import RunConfig
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

STORE = small_store(num_clips=36)
SPLIT, OTHER = "nucla-xview", "odd-even-subjects"


def make_run(folder: Path, seed: int) -> Path:
    """Evaluated, not trained."""
    config: RunConfig = tiny_config(split=SPLIT, train={"seed": seed, "epochs": 1})
    run = RunDir.create(folder, config, STORE, len(STORE))
    run.save_weights(build_method(config, STORE.layout, STORE.channels).state_dict())
    for split in (SPLIT, OTHER):
        evaluate(run, STORE, "knn", split=split, controls=False)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [make_run(folder / name, seed) for seed, name in enumerate(("a", "b"))]


@pytest.mark.parametrize(("options", "name"), [((), "knn"), (("--split", OTHER), f"knn-{OTHER}")], ids=["own", "other"])
def test_table_and_verdict(runs: list[Path], options: tuple[str, ...], name: str) -> None:
    text = succeed("compare", *runs, "--protocol", "knn", *options)
    results = [Result.load(run / "results" / f"{name}.json") for run in runs]
    accuracies = [result.metrics.last.accuracy for result in results]
    assert f"knn on {results[0].split}: {results[0].counts.test} test clips" in text
    for run, accuracy in zip(runs, accuracies, strict=True):
        line = next(line for line in text.splitlines() if str(run) in line)
        assert f" {100 * accuracy:.1f} " in line
    assert f"difference {100 * (accuracies[0] - accuracies[1]):+.1f} %, 95 % interval" in text
    assert "McNemar's exact test p = " in text
    assert succeed("compare", *runs, "--protocol", "knn", *options) == text


def test_what_cannot_be_compared(runs: list[Path], tmp_path: Path) -> None:
    assert "no predictions of linear; there are predictions of knn" in refuse("compare", *runs)
    assert "no predictions of knn; make some with: kineme eval knn " in refuse(
        "compare", runs[0], tmp_path, "--protocol", "knn"
    )
    assert "--seed -1: expected" in refuse("compare", *runs, "--protocol", "knn", "--seed", -1)
    small = small_store(num_clips=24)
    run = RunDir.open(make_run(tmp_path / "small", 0))
    evaluate(run, small, "knn", controls=False)
    assert "clips only in" in refuse("compare", runs[0], run.path, "--protocol", "knn")
