import csv
import json
from pathlib import Path
from shutil import make_archive
from typing import Any

import pytest

from kineme.datasets.base import SourceWarning
from kineme.datasets.prepare import prepare
from kineme.errors import ConfigError
from kineme.importers import importers
from kineme.layout import Layout

LAYOUT = Layout.get("florence15")


def recorded(folder: Path, scale: float = 0.1, name: str = "walk.csv") -> Path:
    """A CSV table of two frames."""
    file = folder / name
    with file.open("w") as text:
        table = csv.writer(text)
        table.writerow(["frame", "joint", "x", "y", "z"])
        table.writerows([t, joint, v * scale, 1, 3] for t in (0, 1) for v, joint in enumerate(LAYOUT.joints))
    return file


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("csv", {"fps": -3.0}, "--fps -3.0: expected frames per second"),
        ("csv", {"fps": float("nan")}, "--fps nan"),
        ("bvh", {"scale": 0.0}, "--scale 0.0: expected metres per unit"),
        ("bvh", {"scale": -0.01}, "--scale -0.01"),
        ("coco", {"bodies": 0}, "--bodies 0: expected 1 to 100 people"),
        ("openpose", {"bodies": -1}, "--bodies -1"),
        ("mediapipe", {"bodies": 10**8}, "--bodies 100000000"),
    ],
)
def test_option_out_of_bounds(name: str, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        importers.get(name)(**options)


def test_settings_are_the_options_of_the_format_and_the_table(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\nwalk,wave\n")
    importer = importers.get("csv")(joints="florence15", labels=labels, fps=25.0)
    settings = importer.settings
    assert len(settings.pop("labels_crc32")) == 8
    assert settings == {"preparation": "import", "labels": "labels.csv", "fps": 25.0, "image_size": None}
    assert json.dumps(settings)


@pytest.mark.parametrize("name", importers.names())
def test_settings_of_every_format_can_be_stored(name: str) -> None:
    settings = importers.get(name)().settings
    assert json.loads(json.dumps(settings))["preparation"] == "import"


def test_people_of_no_human_size_become_a_note(tmp_path: Path) -> None:
    file = recorded(tmp_path, scale=100)
    with pytest.warns(SourceWarning, match="people measure 1400"):
        importers.get("csv")(joints="florence15").read(importers.get("csv")().find(file)[0])
    _, report = prepare(importers.get("csv")(path=file, joints="florence15"), file, tmp_path / "store")
    assert [note.problem[:14] for note in report.notes] == ["people measure"]


def test_recordings_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for person in ("anna", "ben"):
        (raw / person).mkdir(parents=True)
        for action in ("walk", "run") if person == "ben" else ("walk",):
            recorded(raw / person, name=f"{action}.csv")
    labels = raw / "labels.csv"  # among the recordings
    labels.write_text("id,label,split\nanna/walk.csv,walk,train\nben/walk.csv,walk,test\nben/run.csv,run,test\n")
    importer = importers.get("csv")(path=raw, joints="florence15", labels=labels)
    store, report = prepare(importer, raw, tmp_path / "store")
    assert report.ok
    assert store.ids.tolist() == ["anna/walk", "ben/walk", "run"]
    assert [store.classes[label] for label in store.labels] == ["walk", "walk", "run"]
    assert store.splits == {"own": (["anna/walk"], ["ben/walk", "run"])}
    zipped = Path(make_archive(str(tmp_path / "zipped"), "zip", raw))
    again, _ = prepare(importers.get("csv")(path=zipped, joints="florence15"), zipped, tmp_path / "again")
    assert set(again.ids.tolist()) >= set(store.ids.tolist())
