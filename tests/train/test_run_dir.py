"""Run directories: replayable, and plain about what is wrong with them."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fake import small_store, tiny_config
from kineme.clips import ClipBatch
from kineme.errors import ConfigError, KinemeError, RunError
from kineme.train.loop import fit
from kineme.train.run_dir import RunDir, write_atomically
from kineme.transforms.pipeline import eval_pipeline

STORE = small_store(num_clips=8)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run of two steps."""
    return fit(tiny_config(), STORE, tmp_path, accelerator="cpu")


def some_batch(run: RunDir) -> ClipBatch:
    return eval_pipeline(run.config.prepare)(STORE.gather([0, 1]), torch.Generator())


def test_files(run: RunDir) -> None:
    assert sorted(file.name for file in run.path.iterdir()) == [
        "clips.npz",
        "compute.json",
        "metrics.jsonl",
        "run.json",
        "state.pt",
        "weights.safetensors",
    ]


def test_run_json_says_what_was_run(run: RunDir) -> None:
    opened = RunDir.open(run.path)
    assert opened.record == run.record
    assert opened.layout == STORE.layout
    record = opened.record
    assert (record.channels, record.store, record.num_clips, record.torch) == (3, "memory", 8, torch.__version__)


def test_trained_method_and_its_untrained_twin(run: RunDir) -> None:
    trained, again, untrained = run.load_method(), RunDir.open(run.path).load_method(), run.untrained()
    assert not trained.training
    assert not untrained.training
    batch = some_batch(run)
    with torch.inference_mode():
        features = [method.encoder.features(batch) for method in (trained, again, untrained)]
    assert torch.equal(features[0], features[1])
    assert not torch.equal(features[0], features[2])


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run here .*make one with: kineme pretrain"):
        RunDir.open(tmp_path / "nowhere")


def test_create_does_not_overwrite(run: RunDir) -> None:
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(RunError, match="holds a run already"):
        RunDir.create(run.path, tiny_config(), STORE, 8)
    assert (run.path / "run.json").read_bytes() == before


def test_run_of_imported_weights(run: RunDir, tmp_path: Path) -> None:
    method = run.load_method()
    origin = {"weights": "theirs.pth"}
    RunDir.create_imported(tmp_path / "new", run.config, STORE.layout, 3, method.state_dict(), origin)
    opened = RunDir.open(tmp_path / "new")
    assert (opened.record.store, opened.record.num_clips, opened.record.provenance) == ("", 0, origin)
    assert (opened.config, opened.layout, opened.record.torch) == (run.config, STORE.layout, torch.__version__)
    assert all(
        torch.equal(value, method.state_dict()[name]) for name, value in opened.load_method().state_dict().items()
    )
    assert sorted(file.name for file in opened.path.iterdir()) == ["run.json", "weights.safetensors"]


def test_imported_weights_do_not_overwrite(run: RunDir) -> None:
    before = (run.path / "weights.safetensors").read_bytes()
    with pytest.raises(RunError, match=r"holds a run already; choose another --out$"):
        RunDir.create_imported(run.path, run.config, STORE.layout, 3, {"a": torch.zeros(1)}, {})
    assert (run.path / "weights.safetensors").read_bytes() == before


def test_imported_weights_are_not_trained_on(run: RunDir) -> None:
    """To go on would start over, and lose them."""
    weights = run.load_method().state_dict()
    other = RunDir.create_imported(run.path.with_name("imported"), run.config, STORE.layout, 3, weights, {})
    with pytest.raises(RunError, match="was run on 0 clips"):
        fit(run.config, STORE, other.path, resume=True, accelerator="cpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "run.json: not JSON"), ("{}", "run.json:(.|\n)*config: Field required"), ("[]", "expected a JSON object")],
)
def test_damaged_run_json(run: RunDir, content: str, message: str) -> None:
    (run.path / "run.json").write_text(content)
    with pytest.raises(ConfigError, match=message):
        RunDir.open(run.path)


def test_unknown_method(run: RunDir) -> None:
    record = json.loads((run.path / "run.json").read_text())
    record["config"]["method"]["name"] = "mamb"
    (run.path / "run.json").write_text(json.dumps(record))
    with pytest.raises(KinemeError, match="unknown method 'mamb'; perhaps you meant mamp"):
        RunDir.open(run.path)


def test_no_weights_yet(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path / "run", tiny_config(), STORE, 8)
    with pytest.raises(RunError, match="no weights yet"):
        run.load_method()
    assert run.load_state() is None
    assert run.metrics() == []


@pytest.mark.parametrize("content", [b"", b"nonsense" * 100])
def test_damaged_weights(run: RunDir, content: bytes) -> None:
    (run.path / "weights.safetensors").write_bytes(content)
    with pytest.raises(RunError, match="not the weights of this run"):
        run.load_method()


def test_truncated_weights(run: RunDir) -> None:
    file = run.path / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(RunError, match="not the weights of this run"):
        run.load_method()


def test_weights_of_another_run(run: RunDir) -> None:
    save_file({"encoder.tokeniser.weight": torch.zeros(3, 3)}, run.path / "weights.safetensors")
    with pytest.raises(RunError, match="not the weights of this run"):
        run.load_method()


@pytest.mark.parametrize("size", [0, 10, -100])
def test_damaged_state(run: RunDir, size: int) -> None:
    file = run.path / "state.pt"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(RunError, match=r"state.pt: damaged .*remove it"):
        run.load_state()
    with pytest.raises(RunError, match=r"state.pt: damaged"):
        fit(run.config, STORE, run.path, resume=True, accelerator="cpu")


def test_writing_replaces_the_whole_file_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    write_atomically(file, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, b"new and longer")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
