"""Clips come out the same wherever they are read from, and whenever."""

import threading
from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kineme import clip_source
from kineme.clip_source import ClipSource, ReadAhead, fits
from ragged import ragged_store

META = torch.device("meta")  # another device than the store's, on which nothing is computed


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(1, 9)), min_size=1, max_size=5), st.data())
def test_copied_clips_are_the_same(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    store = ragged_store(0, sizes)
    index = torch.tensor(data.draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=4)))
    clips = store.gather(index)
    copied = clips.copied_to(torch.device("cpu"))
    assert len(copied.xyz) == int((clips.length * clips.bodies).sum())
    ours, theirs = copied.pad(), clips.pad()
    for field in fields(ours):
        a, b = (getattr(each, field.name) for each in (ours, theirs))
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def test_a_store_that_fits_is_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ragged_store(0, [(1, 5), (2, 3)])
    assert ClipSource(store, "cpu").gather(torch.tensor([0])).xyz.data_ptr() == store.gather([0]).xyz.data_ptr()
    near = ClipSource(store, META)
    assert near.resident
    assert near.gather(torch.tensor([1])).xyz.shape[0] == store.num_rows
    monkeypatch.setattr(clip_source, "fits", lambda store, device: False)
    far = ClipSource(store, META)
    clips = far.gather(torch.tensor([1]))
    assert not far.resident
    assert clips.xyz.shape[0] == 6
    assert clips.xyz.device == clips.start.device == META


def test_half_of_the_free_memory_may_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    store, cuda = ragged_store(0, [(1, 4)]), torch.device("cuda")
    assert store.num_bytes == store.num_rows * (store.layout.num_joints * 3 * 4 + 1)
    for free, expected in ((2 * store.num_bytes, True), (2 * store.num_bytes - 1, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, free))
        assert fits(store, cuda) is expected


def test_reading_ahead() -> None:
    threads = []

    def read(step: int) -> int:
        threads.append(threading.current_thread())
        if step == 5:
            raise ValueError("step 5")
        return step * step

    ahead = ReadAhead(read)
    assert [ahead(step) for step in (0, 1, 2, 2, 4)] == [0, 1, 4, 4, 16]
    with pytest.raises(ValueError, match="step 5"):
        ahead(5)
    assert ahead(6) == 36
    assert threading.main_thread() not in threads
