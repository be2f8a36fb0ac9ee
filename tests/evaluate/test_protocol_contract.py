"""Every registered method under every registered protocol, whichever there are."""

from math import isfinite

import pytest

from fake import small_store
from kineme.evaluate.evaluate import evaluate
from kineme.evaluate.few_shot import evaluate_few_shot
from kineme.evaluate.protocols import protocols
from kineme.evaluate.result import Result, Scores
from kineme.methods import methods
from kineme.train.build import build_method, with_classes
from kineme.train.run_dir import RunDir
from small import encoder_for, small_pair

STORE = small_store()
SPLIT = "nucla-xview"
QUICK = {"split": SPLIT, "probe": {"epochs": 2, "batch_size": 8}, "refine": {"passes": 2, "look_passes": 1}}


@pytest.fixture(scope="module", params=methods.names())
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A small run of one method, with weights of another seed than its untrained twin's."""
    config = with_classes(small_pair(request.param, encoder_for(request.param)), STORE).with_changes(**QUICK)
    run = RunDir.create(tmp_path_factory.mktemp("runs") / request.param, config, STORE, len(STORE))
    other = config.with_changes(train=config.train.with_changes(seed=config.train.seed + 1))
    run.save_weights(build_method(other, STORE.layout, STORE.channels).state_dict())
    return run


@pytest.mark.parametrize("name", protocols.names())
def test_result_is_whole(run: RunDir, name: str) -> None:
    result = evaluate(run, STORE, name)
    assert (result.protocol, result.method) == (f"{name}@{protocols.get(name).version}", run.config.method.name)
    assert result.untrained is not None
    for scores in (result.metrics, result.untrained):
        require_valid(scores, result.counts.test)
    assert result.health is not None
    assert isfinite(result.health.effective_rank)
    assert Result.load(run.path / "results" / f"{name}.json") == result


def test_few_shot(run: RunDir) -> None:
    result = evaluate_few_shot(run, STORE, shots=[1, 2], draws=3)
    for scores in (result.scores, result.untrained, result.coordinates):
        assert [score.shots for score in scores] == [1, 2]


def require_valid(scores: Scores, clips: int) -> None:
    """Shares are shares by their types; the rest is checked here."""
    assert scores.best_val is not None
    assert scores.best_test.accuracy >= max(scores.last.accuracy, scores.best_val.accuracy)
    assert scores.last.low <= scores.last.accuracy <= scores.last.high
    assert sum(map(sum, scores.confusion)) == clips
    assert all(0 <= value <= 1 for value in scores.extra.values())
