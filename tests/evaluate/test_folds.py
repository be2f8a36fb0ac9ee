"""A recipe on every split of a family: shared trainings, resumption, the matrix of views and the mean."""

from pathlib import Path
from statistics import mean

import pytest

from fake import small_store, tiny_config
from kineme.errors import ConfigError, RunError, SplitError, UnknownNameError
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.folds import Folds, evaluate_folds, view_matrix
from kineme.recipes.base import RunConfig
from kineme.splits import FAMILIES
from kineme.store import SkeletonStore
from kineme.train.run_dir import RunDir

STORE = small_store(num_clips=36, cameras=4)
TRAIN = {"epochs": 1, "batch_size": 8, "warmup_epochs": 0}


def classifier(**changes: object) -> RunConfig:
    return tiny_config(method={"name": "supervised", "hidden": 8}, train=TRAIN, **changes)


def folds_of(config: RunConfig, family: str, out: Path, store: SkeletonStore = STORE, **options: object) -> Folds:
    return evaluate_folds(config, store, family, out, accelerator="cpu", controls=False, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folds")


@pytest.fixture(scope="module")
def told() -> list[str]:
    """Splits in the order in which results came."""
    return []


@pytest.fixture(scope="module")
def uwa3d(out: Path, told: list[str]) -> Folds:
    return folds_of(classifier(), "uwa3d", out, on_result=lambda result: told.append(result.split))


def test_splits_of_the_same_training_clips_share_a_training(uwa3d: Folds, out: Path, told: list[str]) -> None:
    assert [each.split for each in uwa3d.results] == list(FAMILIES["uwa3d"])
    assert sorted(told) == sorted(FAMILIES["uwa3d"])
    assert {each.protocol for each in uwa3d.results} == {"classify@1"}
    runs = sorted(path.name for path in out.iterdir() if path.is_dir())
    assert runs == ["uwa3d-v12-v3", "uwa3d-v13-v2", "uwa3d-v14-v2", "uwa3d-v23-v1", "uwa3d-v24-v1", "uwa3d-v34-v1"]
    assert (out / "uwa3d-v12-v3" / "results" / "classify-uwa3d-v12-v4.json").exists()
    assert uwa3d.mean == pytest.approx(mean(each.metrics.last.accuracy for each in uwa3d.results))
    assert Folds.load(out / "folds.json") == uwa3d


def test_views_make_a_matrix(uwa3d: Folds) -> None:
    matrix = view_matrix(uwa3d)
    assert matrix is not None
    assert matrix.rows == ("1, 2", "1, 3", "1, 4", "2, 3", "2, 4", "3, 4")
    assert matrix.columns == ("1", "2", "3", "4")
    assert len(matrix.cells) == 12
    assert ("1, 2", "1") not in matrix.cells
    (tested,) = (each for each in uwa3d.results if each.split == "uwa3d-v24-v3")
    assert matrix.cells["2, 4", "3"] == tested.metrics.last.accuracy


@pytest.mark.parametrize("split", ["florence3d-actor1", "uestc-xview1-v0", "kinetics"])
def test_people_and_several_views_at_once_make_none(uwa3d: Folds, split: str) -> None:
    first, *others = uwa3d.results
    assert view_matrix(uwa3d.with_changes(results=(first.with_changes(split=split), *others))) is None


def test_what_is_there_is_resumed_or_refused(uwa3d: Folds, out: Path) -> None:
    with pytest.raises(RunError, match="holds a run already"):
        folds_of(classifier(), "uwa3d", out)
    before = (out / "uwa3d-v12-v3" / "metrics.jsonl").read_bytes()
    (out / "uwa3d-v34-v1" / "run.json").unlink()
    assert folds_of(classifier(), "uwa3d", out, resume=True) == uwa3d
    assert (out / "uwa3d-v12-v3" / "metrics.jsonl").read_bytes() == before


def test_frozen_features(tmp_path: Path) -> None:
    store = small_store(num_clips=36)
    folds = folds_of(tiny_config(train=TRAIN), "nucla", tmp_path, store, protocol="knn")
    assert [each.counts.train for each in folds.results] == [24, 24, 24]
    again = evaluate(RunDir.open(tmp_path / "nucla-xview2"), store, "knn", controls=False)
    assert again.metrics == folds.results[1].metrics
    assert folds_of(tiny_config(train=TRAIN), "nucla", tmp_path, store, resume=True).results[0].name == "linear"


def test_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mae learns no classes"):
        folds_of(tiny_config(), "uwa3d", tmp_path, protocol="classify")
    with pytest.raises(UnknownNameError, match="unknown protocol 'lineal'; perhaps you meant linear"):
        folds_of(tiny_config(), "uwa3d", tmp_path, protocol="lineal")
    with pytest.raises(UnknownNameError, match="unknown family of splits 'nucla-xview'; perhaps you meant"):
        folds_of(classifier(), "nucla-xview", tmp_path)
    with pytest.raises(SplitError, match="split nucla-xview: the store holds clips of camera 4"):
        folds_of(classifier(), "nucla", tmp_path)
    assert not list(tmp_path.iterdir())
