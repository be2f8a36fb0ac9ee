"""What a run's weights were trained on: recorded when it is made, handed on to runs that start from it."""

from pathlib import Path

import numpy as np
import pytest

from fake import small_store, tiny_config
from kineme.errors import RunError
from kineme.recipes.base import RunConfig
from kineme.splits import get_split
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir, clips_behind
from kineme.train.trained_clips import TrainedClips, clip_hashes

STORE = small_store(num_clips=36)
SPLIT = "nucla-xview"


def make_run(folder: Path, config: RunConfig, index: np.ndarray) -> RunDir:
    return RunDir.create(folder, config, STORE, len(index), STORE.ids[index])


def starting_from(weights: Path) -> RunConfig:
    config = tiny_config(split=SPLIT)
    return config.with_changes(start=config.start.with_changes(weights=str(weights)))


def test_hashes_are_the_same_everywhere() -> None:
    ids = np.array(["S001C001P001R001A001", "clip-7", "走る"])
    assert clip_hashes(ids).tolist() == [14235139192669927107, 13095582940523981196, 2161397109471847995]
    assert clip_hashes(ids[:0]).shape == (0,)


def test_training_records_its_clips(tmp_path: Path) -> None:
    clips = fit(tiny_config(split=SPLIT), STORE, tmp_path / "run", accelerator="cpu").trained_clips()
    train, test = get_split(STORE, SPLIT)
    assert clips.own.tolist() == sorted(clip_hashes(STORE.ids[train]).tolist())
    assert not np.isin(clip_hashes(STORE.ids[test]), clips.everything).any()
    assert (len(clips.before), clips.complete) == (0, True)


def test_clips_of_the_weights_before(tmp_path: Path) -> None:
    """They are handed on over generations."""
    first = make_run(tmp_path / "first", tiny_config(), np.arange(5))
    second = make_run(tmp_path / "second", starting_from(first.path), np.arange(3, 8))
    third = make_run(tmp_path / "third", starting_from(second.path), np.arange(20, 22)).trained_clips()
    assert set(third.own) == set(clip_hashes(STORE.ids[20:22]))
    assert set(third.before) == set(clip_hashes(STORE.ids[:8]))
    assert third.complete


def test_unknown_origins(tmp_path: Path) -> None:
    """Runs of earlier versions, and mere files of weights, do not tell; what starts from them knows its own clips."""
    old = RunDir.create(tmp_path / "old", tiny_config(), STORE, 36)
    assert not old.trained_clips().complete
    assert len(old.trained_clips().everything) == 0
    for weights in (old.path, tmp_path / "weights.safetensors"):
        assert not clips_behind(starting_from(weights).start).complete
    clips = make_run(tmp_path / "new", starting_from(old.path), np.arange(4)).trained_clips()
    assert (len(clips.own), clips.complete) == (4, False)
    assert clips_behind(tiny_config().start).complete


@pytest.mark.parametrize("content", [b"", b"no archive", TrainedClips.none(complete=True).to_bytes()[:-60]])
def test_damaged_record(tmp_path: Path, content: bytes) -> None:
    run = make_run(tmp_path / "run", tiny_config(), np.arange(4))
    (run.path / "clips.npz").write_bytes(content)
    with pytest.raises(RunError, match=r"clips.npz: damaged .*remove it"):
        run.trained_clips()
