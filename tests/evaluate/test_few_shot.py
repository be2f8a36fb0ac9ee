"""Few-shot: the plain loop's answers, honest draws, controls, and what cannot be measured."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fake import small_store, tiny_config
from kineme.errors import ConfigError, LayoutMismatchError, StoreError
from kineme.evaluate import few_shot
from kineme.evaluate.few_shot import FewShot, draw_shots, evaluate_few_shot, few_shot_correct
from kineme.evaluate.intervals import wilson_interval
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

SPLIT = "nucla-xview"
LABELS = torch.tensor([0, 1, 2, 0, 1, 0, 0, 1, 2, 0])
IDS = np.array([f"clip{i}" for i in range(10)])


def make_run(folder: Path, store: SkeletonStore, seed: int = 7, **features: object) -> RunDir:
    """A run whose weights are of another seed than its untrained twin's."""
    config = tiny_config(split=SPLIT, features=features)
    run = RunDir.create(folder, config, store, len(store))
    other = config.with_changes(train=config.train.with_changes(seed=seed))
    run.save_weights(build_method(other, store.layout, store.channels).state_dict())
    return run


@pytest.fixture
def store() -> SkeletonStore:
    return small_store(num_clips=36)


@pytest.fixture
def run(tmp_path: Path, store: SkeletonStore) -> RunDir:
    return make_run(tmp_path / "run", store)


def drawn_of(shots: int = 3, seed: int = 0, classes: int = 3) -> Tensor:
    return draw_shots(LABELS, IDS, classes, shots, 20, seed)


def test_each_class_gives_different_clips_of_its_own() -> None:
    drawn = drawn_of()
    assert drawn.shape == (20, 3, 3)
    for draw in drawn.tolist():
        for k, clips in enumerate(draw):
            given = [clip for clip in clips if clip >= 0]
            assert len(set(given)) == len(given) == min(3, LABELS.tolist().count(k))
            assert all(LABELS[clip] == k for clip in given)
    assert len({tuple(draw[0]) for draw in drawn.tolist()}) > 5


def test_draws_are_nested_and_seeded() -> None:
    torch.testing.assert_close(drawn_of(shots=1), drawn_of(shots=3)[..., :1])
    assert torch.equal(drawn_of(), drawn_of())
    assert not torch.equal(drawn_of(), drawn_of(seed=1))


def test_the_order_of_clips_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(10)
    drawn, turned = drawn_of(), draw_shots(LABELS[order], IDS[order], 3, 3, 20, 0)
    assert np.array_equal(np.append(order, -1)[turned], drawn)


def test_agrees_with_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    train, queries = torch.randn(10, 6, generator=generator), torch.randn(25, 6, generator=generator)
    labels, drawn = torch.arange(25) % 3, drawn_of(classes=4)  # of the fourth class there is no clip
    correct = few_shot_correct(train, queries, labels, drawn, 2)
    monkeypatch.setattr(few_shot, "NUMBERS_AT_ONCE", 1)
    assert torch.equal(few_shot_correct(train, queries, labels, drawn, 2), correct)
    x, q = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (train.numpy(), queries.numpy()))
    for draw, count in zip(drawn.numpy(), correct.tolist(), strict=True):
        means = [np.mean([x[i] for i in row[:2] if i >= 0], axis=0) for row in draw[:3]]
        answers = [np.argmax([query @ mean / np.linalg.norm(mean) for mean in means]) for query in q]
        assert count == (np.array(answers) == labels.numpy()).sum()


def test_result_and_controls(run: RunDir, store: SkeletonStore) -> None:
    result = evaluate_few_shot(run, store, shots=[5, 1, 1], draws=8)
    assert (result.protocol, result.draws, result.clips, result.split) == ("few-shot@1", 8, 12, SPLIT)
    assert result.chance == pytest.approx(1 / 3)
    for scores in (result.scores, result.untrained, result.coordinates):
        assert [score.shots for score in scores] == [1, 5]
        assert all(score.worst <= score.accuracy <= score.best for score in scores)
        assert all(score.low <= score.accuracy <= score.high for score in scores)
    assert result.scores != result.untrained
    assert result.coordinates[1].accuracy > 0.9
    assert FewShot.load(run.path / "few_shot" / "few-shot.json") == result
    assert evaluate_few_shot(run, store, shots=[1, 5], draws=8) == result
    alone = evaluate_few_shot(run, store, shots=[1], draws=8, controls=False)
    assert (alone.scores, alone.untrained, alone.coordinates) == (result.scores[:1], (), ())


def test_all_clips_of_small_classes_are_used(run: RunDir, store: SkeletonStore) -> None:
    result = evaluate_few_shot(run, store, shots=[1, 50], draws=5)
    assert result.scarce == {f"swing {k + 1} times": 8 for k in range(3)}
    whole = result.scores[1]
    assert whole.worst == whole.accuracy == whole.best  # every draw is all clips
    assert (whole.low, whole.high) == pytest.approx(wilson_interval(round(12 * whole.accuracy), 12))
    assert evaluate_few_shot(run, store, shots=[8], draws=5).scarce == {}


def test_scaling_is_the_recipe_s(tmp_path: Path, store: SkeletonStore, run: RunDir) -> None:
    scaled = make_run(tmp_path / "scaled", store, standardise=True)
    plain, standardised = (evaluate_few_shot(each, store, draws=10, controls=False) for each in (run, scaled))
    assert plain.scores != standardised.scores
    assert standardised.features.standardise


def test_another_split_has_its_own_file(run: RunDir, store: SkeletonStore) -> None:
    evaluate_few_shot(run, store, shots=[1], draws=2, split="odd-even-subjects", controls=False)
    assert (run.path / "few_shot" / "few-shot-odd-even-subjects.json").exists()


def test_clips_that_were_trained_on_are_counted(
    tmp_path: Path, store: SkeletonStore, caplog: pytest.LogCaptureFixture
) -> None:
    config = tiny_config(split=None)
    run = RunDir.create(tmp_path / "all", config, store, 36, store.ids)
    run.save_weights(build_method(config, store.layout, store.channels).state_dict())
    result = evaluate_few_shot(run, store, shots=[1], draws=2, split=SPLIT, controls=False)
    assert result.seen == 12
    assert "no result on unseen clips" in caplog.text


def test_what_cannot_be_measured(run: RunDir, store: SkeletonStore) -> None:
    for shots, draws in ([], 1), ([0], 1), ([1], 0):
        with pytest.raises(ConfigError, match="expected numbers of shots from 1"):
            evaluate_few_shot(run, store, shots=shots, draws=draws)
    with pytest.raises(StoreError, match="no labels"):
        evaluate_few_shot(run, small_store(36, labelled=False))
    with pytest.raises(LayoutMismatchError, match="kineme data convert"):
        evaluate_few_shot(run, SkeletonStore.from_arrays([np.random.rand(9, 25, 3)], "kinect25", labels=[0]))
