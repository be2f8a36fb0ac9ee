"""Checkpoints of strangers: what is read, and that nothing they hold is ever run."""

import os
import pickle
import zipfile
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from kineme.errors import SourceError
from kineme.infer.checkpoint import read_checkpoint
from official_files import save_checkpoint

STATE = OrderedDict({"a.weight": torch.rand(3, 4), "a.bias": torch.rand(3), "bn.num_batches_tracked": torch.tensor(5)})


class Evil:
    """A pickle that calls a function when it is read."""

    def __init__(self, function: Callable[..., object], argument: str) -> None:
        self.call = function, (argument,)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return self.call


def saved(path: Path, contents: object) -> Path:
    torch.save(contents, path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def zipped(path: Path) -> list[bytes]:
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def rewritten(
    source: Path, target: Path, edit: Callable[[str, bytes], bytes], packing: int = zipfile.ZIP_STORED
) -> Path:
    """Copy of an archive, each member of which may become another."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", packing) as new:
        for member in old.infolist():
            new.writestr(member.filename, edit(member.filename, old.read(member)))
    return target


@pytest.mark.parametrize("is_zip", [True, False])
def test_what_the_authors_save(tmp_path: Path, is_zip: bool) -> None:
    checkpoint = read_checkpoint(save_checkpoint(tmp_path / "some.pth", STATE, heads=4, is_zip=is_zip))
    assert checkpoint.weights.keys() == STATE.keys()
    assert all(torch.equal(value, STATE[name]) for name, value in checkpoint.weights.items())
    assert checkpoint.settings["model_args"]["num_heads"] == 4


def test_saved_on_a_gpu(tmp_path: Path) -> None:
    here = save_checkpoint(tmp_path / "here.pth", STATE)
    cpu, cuda = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    assert sum(content.count(cpu) for content in zipped(here)) == 1
    there = rewritten(here, tmp_path / "there.pth", lambda name, content: content.replace(cpu, cuda))
    weights = read_checkpoint(there).weights
    assert all(torch.equal(value, STATE[name]) for name, value in weights.items())


def test_a_state_dict_by_itself(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(saved(tmp_path / "bare.pth", STATE))
    assert (list(checkpoint.weights), checkpoint.settings) == (list(STATE), {})


def test_prefix_of_data_parallel_training(tmp_path: Path) -> None:
    everywhere = {f"module.{name}": value for name, value in STATE.items()}
    assert read_checkpoint(saved(tmp_path / "all.pth", everywhere)).weights.keys() == STATE.keys()
    once = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert read_checkpoint(saved(tmp_path / "one.pth", {"model": once})).weights.keys() == once.keys()


def test_weights_are_float32_of_their_own(tmp_path: Path) -> None:
    file = saved(tmp_path / "half.pth", {"model": {"a": torch.nn.Parameter(torch.rand(4, 3).half().T)}})
    value = read_checkpoint(file).weights["a"]
    assert (value.dtype, value.is_contiguous(), value.requires_grad) == (torch.float32, True, False)
    value += 1
    assert not torch.equal(value, read_checkpoint(file).weights["a"])


@pytest.mark.parametrize("where", ["model", "args", "everything"])
@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize(("function", "name"), [(os.system, "system"), (eval, "eval")])
def test_code_is_not_run(tmp_path: Path, where: str, is_zip: bool, function: Callable[..., object], name: str) -> None:
    marker = tmp_path / "was-here"
    code = f"touch {marker}" if function is os.system else f"open({str(marker)!r}, 'w').close()"
    evil = Evil(function, code)
    contents = {
        "model": {"model": {"a": evil}},
        "args": {"model": dict(STATE), "args": Namespace(lr=evil)},
        "everything": evil,
    }
    file = tmp_path / "evil.pth"
    torch.save(contents[where], file, _use_new_zipfile_serialization=is_zip)
    message = refusal(file)
    assert name in message.partition("asks for")[2].partition(",")[0]
    assert "could run code" in message
    assert not marker.exists()
    if is_zip:  # what was refused does run: the test tests something
        torch.load(file, weights_only=False)
        assert marker.exists()


def test_plain_pickles_are_not_run(tmp_path: Path) -> None:
    marker, file = tmp_path / "was-here", tmp_path / "plain.pth"
    file.write_bytes(pickle.dumps(Evil(os.system, f"touch {marker}"), protocol=2))
    refusal(file)
    assert not marker.exists()


def test_whole_networks_are_refused_by_name(tmp_path: Path) -> None:
    message = refusal(saved(tmp_path / "net.pth", torch.nn.Linear(2, 2)))
    assert "asks for torch.nn.modules.linear.Linear" in message
    assert "a file of the state dict alone" in message


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        ({"state": 1, "step": 2}, "a dictionary of 'state', 'step'"),
        ({}, "a dictionary of nothing"),
        ({"model": {"a": 1}}, "a dictionary of 'model'"),
        ({"model": {}}, "a dictionary of 'model'"),
        ({1: torch.ones(1)}, "a dictionary of 1"),
        ([torch.ones(1)], "found list"),
        (torch.ones(1), "found Tensor"),
    ],
)
def test_no_state_dict(tmp_path: Path, contents: object, found: str) -> None:
    assert found in refusal(saved(tmp_path / "other.pth", contents))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none(tmp_path: Path, value: float) -> None:
    state = {"good": torch.ones(2), "blocks.0.bad": torch.tensor([1.0, value])}
    assert "blocks.0.bad: not all of it are finite" in refusal(saved(tmp_path / "nan.pth", state))


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2, dtype=torch.int64),
        torch.ones(2, dtype=torch.bool),
        torch.ones(2, dtype=torch.complex64),
        torch.eye(2).to_sparse(),
        torch.ones(2, device="meta"),
    ],
    ids=["int", "bool", "complex", "sparse", "meta"],
)
def test_weights_that_are_no_floats(tmp_path: Path, value: Tensor) -> None:
    assert "odd: expected floats" in refusal(saved(tmp_path / "odd.pth", {"odd": value}))


@pytest.mark.parametrize("content", [b"", b"\x80", b"PK", b"PK\x03\x04" + bytes(50), b"just some text\n", bytes(999)])
def test_files_of_another_kind(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.pth"
    file.write_bytes(content)
    assert "not a whole checkpoint of PyTorch" in refusal(file)


def test_no_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nowhere.pth")
    assert "expected a file" in refusal(tmp_path)


def test_archive_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "clips.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", b"...")
    assert "not a whole checkpoint" in refusal(file)


@pytest.fixture(scope="module", params=[True, False], ids=["zip", "older"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("whole") / "whole.pth", STATE, is_zip=request.param)


@given(st.data())
def test_truncated_anywhere(whole: Path, data: st.DataObject) -> None:
    content = whole.read_bytes()
    torn = whole.with_name("torn.pth")
    torn.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    refusal(torn)


@given(st.data())
def test_a_flipped_bit_is_found_or_harmless(whole: Path, data: st.DataObject) -> None:
    content = bytearray(whole.read_bytes())
    if content[:2] != b"PK":
        return  # the older format has no checksums
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    flipped = whole.with_name("flipped.pth")
    flipped.write_bytes(content)
    try:
        weights = read_checkpoint(flipped).weights
    except SourceError:
        return
    assert weights.keys() == STATE.keys()
    assert all(torch.equal(value, STATE[name]) for name, value in weights.items())


def test_compressed_archive(tmp_path: Path) -> None:
    honest = saved(tmp_path / "honest.pth", {"a": torch.zeros(100_000)})
    bomb = rewritten(honest, tmp_path / "bomb.pth", lambda name, content: content, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 10_000
    assert "is compressed" in refusal(bomb)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_huge_tensor_in_few_bytes(tmp_path: Path, is_zip: bool) -> None:
    file = tmp_path / "huge.pth"
    torch.save({"a": torch.zeros(1).expand(10**6, 10**6)}, file, _use_new_zipfile_serialization=is_zip)
    assert "claims 4000000000000 bytes of weights" in refusal(file)


@pytest.mark.parametrize("is_zip", [True, False])
def test_weights_that_networks_share_are_saved_once(tmp_path: Path, is_zip: bool) -> None:
    file, shared = tmp_path / "shared.pth", torch.rand(10_000)
    state = {"a": shared, "b": shared, "c": torch.rand(10_000)}
    torch.save(state, file, _use_new_zipfile_serialization=is_zip)
    assert file.stat().st_size < 3 * 40_000
    weights = read_checkpoint(file).weights
    assert all(torch.equal(weights[name], value) for name, value in state.items())


@pytest.mark.parametrize("holder", ["model", "state_dict"])
def test_state_dicts_beside_other_things(tmp_path: Path, holder: str) -> None:
    weights = read_checkpoint(saved(tmp_path / "held.pth", {holder: STATE, "epoch": 300})).weights
    assert all(torch.equal(weights[name], value) for name, value in STATE.items())


@pytest.mark.parametrize("name", ["queue_ptr", "queue_ptr_motion", "bn.num_batches_tracked"])
def test_counters_stay_whole_numbers(tmp_path: Path, name: str) -> None:
    weights = read_checkpoint(saved(tmp_path / "counter.pth", {name: torch.tensor([128])})).weights
    assert weights[name].dtype == torch.int64
    assert "expected floats" in refusal(saved(tmp_path / "other.pth", {"a.weight": torch.tensor([128])}))


def test_a_tensor_beyond_the_file(tmp_path: Path) -> None:
    """A pickle that says 77 numbers are 1200000."""

    def forge(name: str, content: bytes) -> bytes:
        if not name.endswith("data.pkl"):
            return content
        assert content.count(b"K\x4d") == 2  # of the storage, and of the tensor
        return content.replace(b"K\x4d", b"J" + (1_200_000).to_bytes(4, "little"))

    honest = saved(tmp_path / "honest.pth", {"a": torch.rand(77)})
    refusal(rewritten(honest, tmp_path / "forged.pth", forge))
    assert read_checkpoint(rewritten(honest, tmp_path / "copy.pth", lambda name, content: content)).weights
