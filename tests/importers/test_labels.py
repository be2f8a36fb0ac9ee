from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kineme.clips import Clip
from kineme.errors import SourceError
from kineme.importers.labels import LabelTable


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "labels.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def read(folder: Path, text: str | bytes) -> LabelTable:
    return LabelTable.read(written(folder, text))


def clip(id: str, **fields: Any) -> Clip:
    return Clip(id=id, xyz=np.ones((1, 1, 2, 3), np.float32), present=np.ones((1, 1), bool), **fields)


def test_names_become_numbers_in_order(tmp_path: Path) -> None:
    table = read(tmp_path, "id,label,subject,camera\nc,wave,ben,7\nb,sit,anna,3\na,wave,ben,10\n")
    assert table.classes == ("sit", "wave")
    assert table.facts["c"] == {"label": 1, "subject": 2, "camera": 7}
    assert table.facts["b"] == {"label": 0, "subject": 1, "camera": 3}
    assert table.splits == {}


def test_classes_called_by_numbers_are_ordered_by_size(tmp_path: Path) -> None:
    table = read(tmp_path, "id,label\na,10\nb,9\nc,2\n")
    assert table.classes == ("2", "9", "10")
    assert table.facts["a"] == {"label": 2}


def test_one_name_makes_all_of_a_column_names(tmp_path: Path) -> None:
    table = read(tmp_path, "id,subject\na,10\nb,anna\nc,2\n")
    assert [table.facts[id]["subject"] for id in "abc"] == [1, 3, 2]


def test_empty_cells_are_unknown(tmp_path: Path) -> None:
    table = read(tmp_path, "id,label,subject,split\na,wave,,train\nb,,4,\n")
    assert table.facts == {"a": {"label": 0}, "b": {"subject": 4}}
    assert table.splits == {"own": (["a"], [])}


def test_split(tmp_path: Path) -> None:
    table = read(tmp_path, "split,id\ntest,a\ntrain,b\ntest,c\n,d\n")
    assert table.splits == {"own": (["b"], ["a", "c"])}


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfid,label\na,wave\n",
        b"id,label\r\na,wave\r\n",
        b'id , label\n a , "wave"\n',
        b"id,label\na.bvh,wave\n",
        b"id,label\na.skeleton.npy,wave\n",
    ],
    ids=["byte order mark", "windows", "blanks", "ending", "two endings"],
)
def test_ways_to_write_the_same(tmp_path: Path, text: bytes) -> None:
    assert read(tmp_path, text) == LabelTable(("wave",), {"a": {"label": 0}})


@pytest.mark.parametrize("id", ["anna/walk.bvh", "anna\\walk.CSV", "anna/walk"])
def test_folders_in_ids_may_be_needed_or_not(tmp_path: Path, id: str) -> None:
    table = read(tmp_path, f"id,label,split\n{id},wave,train\nben/walk,sit,test\nben/run,run,test\n")
    assert table.complete(clip("anna/walk"), "anna/walk").label == table.classes.index("wave")
    assert table.complete(clip("run"), "run").label == table.classes.index("run")
    assert table.complete(clip("walk"), "walk").label is None  # whose walk?
    assert table.splits == {"own": (["anna/walk"], ["ben/walk", "ben/run", "run"])}
    assert table.unused(["anna/walk", "run"]) == ["ben/walk"]


def test_dots_in_ids_that_are_no_endings_stay(tmp_path: Path) -> None:
    assert list(read(tmp_path, "id\nwalk.01\nwalk.02\n").facts) == ["walk.01", "walk.02"]


def test_a_clip_goes_before_its_recording(tmp_path: Path) -> None:
    table = read(tmp_path, "id,label,subject\nmonday,sit,1\nmonday.002,wave,2\n")
    first, second = (table.complete(clip(f"monday.00{k}", camera=5), "monday") for k in (1, 2))
    assert (first.label, first.subject, first.camera) == (0, 1, 5)
    assert (second.label, second.subject, second.camera) == (1, 2, 5)
    assert table.unused(["monday.001"]) == ["monday.002"]
    assert table.unused(["tuesday"]) == ["monday", "monday.002"]


def test_labels_are_all_of_the_table_or_none(tmp_path: Path) -> None:
    with_labels, without = read(tmp_path, "id,label\na,sit\n"), read(tmp_path, "id,subject\na,3\n")
    assert with_labels.complete(clip("b", label=7), "b").label is None
    assert without.complete(clip("a", label=7), "a").label == 7
    assert LabelTable().complete(clip("a", label=7), "a").label == 7


MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", r"labels\.csv:1: expected the columns id and any of label, .*, found nothing"),
    "no id": ("label\nwave\n", ":1: expected the columns id .*, found label"),
    "column twice": ("id,label,label\na,b,c\n", ":1: expected the columns id .*, found id, label, label"),
    "other column": ("id,class\na,wave\n", ":1: .*found id, class .*rename or remove"),
    "too many cells": ("id,label\na,wave\nb,sit,down\n", ":3: another number of cells.*quote cells with commas"),
    "too few cells": ("id,label\na\n", ":2: another number of cells"),
    "twice": ("id\na\nb\na\n", ":4: id 'a' occurs twice"),
    "twice with its ending": ("id\na\na.bvh\n", ":3: id 'a' occurs twice"),
    "nothing as id": ("id,label\n,wave\n", ":2: no id"),
    "split": ("id,split\na,train\nb,val\n", ":3: expected the split train or test, found 'val'"),
    "not text": (b"id\n\xff\n", "not text in UTF-8.*save it as CSV in UTF-8"),
    "no end": ('id\n"' + "x" * 200_000, "not CSV"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    text, problem = MISTAKES[mistake]
    with pytest.raises(SourceError, match=problem) as caught:
        read(tmp_path, text)
    assert "labels.csv" in caught.value.path


def test_a_table_that_has_changed_is_another(tmp_path: Path) -> None:
    before, after = (read(tmp_path, f"id,label\na,{label}\n") for label in ("wave", "bow"))
    assert before.checksum != after.checksum
    assert read(tmp_path, "id,label\na,wave\n").checksum == before.checksum


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"labels\.csv: cannot be read \(No such file"):
        LabelTable.read(tmp_path / "labels.csv")
