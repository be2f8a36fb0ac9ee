"""Transfer to clips of another joint layout: refused with the command that helps, which then does."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from command_line import TINY, refuse, succeed
from fake import small_store
from kineme.evaluate.result import Result
from kineme.layout import Layout
from kineme.store import SkeletonStore
from kineme.store_convert import convert_store

FEW = ("--split", "nucla-xview", "--no-controls")
TUNING = ("--train.epochs", 1, "--train.batch-size", 8, "--train.warmup-epochs", 0, "--accelerator", "cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pretrained on kinect20."""
    folder = tmp_path_factory.mktemp("source")
    small_store(num_clips=36).save(folder / "source.store")
    succeed("pretrain", "mae-compact", "--store", folder / "source.store", "--out", folder / "run", *TINY)
    return folder / "run"


@pytest.mark.parametrize("layout", ["utd20", "florence15", "kinect25"])
def test_converted_clips_are_probed_and_tuned_on(run: Path, tmp_path: Path, layout: str) -> None:
    store, converted = tmp_path / "target.store", tmp_path / "target-kinect20.store"
    convert_store(small_store(num_clips=36, seed=1), Layout.get(layout), store)
    convert = f"data convert {store} --layout kinect20 --out {converted}"
    linear, knn = (("eval", protocol, run, *FEW) for protocol in ("linear", "knn"))
    finetune = ("finetune", run, "--out", tmp_path / "tuned", *FEW, *TUNING)
    for command in (linear, finetune):
        message = refuse(*command, "--store", store)
        assert f"convert with: kineme {convert}" in message
        assert f"--store {converted}" in message
    succeed(*shlex.split(convert))
    for command in (linear, knn, finetune):
        succeed(*command, "--store", converted)
    results = [run / "results" / "linear.json", run / "results" / "knn.json", tmp_path / "tuned/results/finetune.json"]
    for result in map(Result.load, results):
        assert (result.store, result.counts.test) == (str(converted), 12)


def test_pictures_do_not_become_metres(run: Path, tmp_path: Path) -> None:
    """No command would help, so none is named."""
    picture = SkeletonStore.from_arrays([np.random.rand(9, 15, 3)] * 2, "sbu15", labels=[0, 1]).save(tmp_path / "sbu")
    message = refuse("eval", "linear", run, "--store", picture.path, *FEW)
    assert "sbu15 is in image, kinect20 in m" in message
    assert "data convert" not in message
