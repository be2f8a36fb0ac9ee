"""Starting from other weights: what is taken, what is interpolated, and what is refused."""

from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import save_file

from fake import small_store, tiny_config
from kineme.errors import LayoutMismatchError, RunError
from kineme.infer.start import load_start, read_weights
from kineme.layout import Layout
from kineme.methods import Method
from kineme.nn.tokens import resize_time_table
from kineme.train.build import build_method
from kineme.train.run_dir import RunDir

Scope = Literal["all_matching", "encoder"]
TABLES = ("encoder.positions.time", "decoder.positions.time")


def built(seed: int = 0, layout: str = "kinect20", **changes: dict[str, object]) -> Method:
    """The tiny MAE, some settings of whose parts are changed."""
    config = tiny_config(train={"seed": seed})
    for part, settings in changes.items():
        config = config.with_changes(**{part: getattr(config, part).with_changes(**settings)})
    return build_method(config, Layout.get(layout), 3)


def test_everything_of_the_same_networks() -> None:
    source, method = built(), built(seed=1)
    report = load_start(method, source.state_dict(), "all_matching")
    assert all(torch.equal(value, method.state_dict()[name]) for name, value in source.state_dict().items())
    assert (set(report.taken), report.fresh, report.unused) == (set(source.state_dict()), (), ())
    assert str(report) == f"{len(report.taken)} taken, 0 left fresh, 0 not used"


def test_encoder_alone() -> None:
    source, method = built(), built(seed=1)
    fresh = {name: value.clone() for name, value in method.state_dict().items()}
    report = load_start(method, source.state_dict(), "encoder")
    for name, value in method.state_dict().items():
        assert torch.equal(value, (source.state_dict() if name.startswith("encoder.") else fresh)[name]), name
    assert report.fresh == report.unused
    assert all(name.startswith("decoder.") for name in report.fresh)


def test_a_deeper_decoder_starts_with_what_there_is() -> None:
    source, method = built(), built(seed=1, method={"decoder_depth": 2})
    report = load_start(method, source.state_dict(), "all_matching")
    assert all(name.startswith("decoder.blocks.1.") for name in report.fresh)
    assert len(report.taken) == len(source.state_dict())


def test_a_decoder_of_another_width_stays_fresh() -> None:
    source, method = built(), built(seed=1, method={"decoder_width": 8})
    report = load_start(method, source.state_dict(), "all_matching")
    assert "decoder.positions.time" in report.fresh
    assert {name for name in report.taken if name.startswith("decoder.")} == {"decoder.predict.bias"}
    assert "decoder.norm.weight" in report.unused


def test_time_tables_are_interpolated() -> None:
    source, method = built(), built(seed=1, prepare={"window": 24})
    report = load_start(method, source.state_dict(), "all_matching")
    assert report.resized == TABLES
    for name in TABLES:
        torch.testing.assert_close(method.state_dict()[name], resize_time_table(source.state_dict()[name], 6))
    assert f"({', '.join(TABLES)} interpolated)" in str(report)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"layout": "kinect25"}, "of 20 joints, the networks of 25; there is no conversion"),
        ({"encoder": {"segment": 8}}, "of 12 numbers per token .*, the networks of 24; there is no conversion"),
    ],
)
@pytest.mark.parametrize("scope", ["all_matching", "encoder"])
def test_other_tokens_are_refused(target: dict, message: str, scope: Scope) -> None:
    method = built(**target)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    with pytest.raises(LayoutMismatchError, match=message):
        load_start(method, built(seed=1).state_dict(), scope)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


@pytest.mark.parametrize("scope", ["all_matching", "encoder"])
def test_the_encoder_must_be_whole(scope: Scope) -> None:
    method, weights = built(), built(seed=1).state_dict()
    before = method.state_dict()["encoder.norm.bias"].clone()
    del weights["encoder.norm.weight"]
    weights["encoder.blocks.0.mlp.fc1.bias"] = torch.zeros(3)
    with pytest.raises(RunError) as caught:
        load_start(method, weights, scope)
    message = str(caught.value)
    assert "1 missing:\n    encoder.norm.weight" in message
    assert "1 of another shape:\n    encoder.blocks.0.mlp.fc1.bias: (3,), expected (64,)" in message
    assert torch.equal(method.state_dict()["encoder.norm.bias"], before)


def test_a_deeper_encoder_is_not_half_taken() -> None:
    with pytest.raises(RunError, match=r"12 missing:(.|\n)*encoder.blocks.1.norm1.weight(.|\n)*and 4 more"):
        load_start(built(encoder={"depth": 2}), built().state_dict(), "all_matching")
    with pytest.raises(RunError, match=r"12 not known:(.|\n)*encoder.blocks.1.norm1.weight"):
        load_start(built(), built(encoder={"depth": 2}).state_dict(), "all_matching")


def test_weights_of_something_else() -> None:
    with pytest.raises(RunError, match="not of this encoder"):
        load_start(built(), {"fc.weight": torch.zeros(3)}, "all_matching")


def test_weights_of_a_run_and_of_a_file(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path / "run.1", tiny_config(), small_store(num_clips=4), 4)
    state = built().state_dict()
    run.save_weights(state)
    for path in (run.path, str(run.path), run.path / "weights.safetensors"):
        weights = read_weights(path)
        assert weights.keys() == state.keys()
        assert all(torch.equal(value, state[name]) for name, value in weights.items())


def test_paths_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"runs/mae-compact: no weights .*kineme pretrain mae-compact --store STORE"):
        read_weights("runs/mae-compact")
    Path("mine").mkdir()
    with pytest.raises(RunError, match=r"mine: no weights .*kineme pretrain RECIPE --store STORE --out mine"):
        read_weights("mine")
    with pytest.raises(RunError, match=r"mamp.pth: expected .*kineme import-weights RECIPE mamp.pth"):
        read_weights("mamp.pth")


@pytest.mark.parametrize("content", [b"", b"nonsense" * 100])
def test_damaged_weights_to_start_from(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "some.safetensors"
    file.write_bytes(content)
    with pytest.raises(RunError, match=r"some.safetensors: damaged"):
        read_weights(file)
    save_file({"a": torch.zeros(2)}, file)
    assert read_weights(file).keys() == {"a"}
