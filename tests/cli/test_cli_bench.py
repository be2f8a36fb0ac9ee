"""``kineme bench``: tables, the file, and recipes that cannot be timed. Speed itself is not tested."""

import json
from pathlib import Path

import pytest

from command_line import kineme, refuse
from fake import small_store
from kineme.cli.bench import duration
from kineme.recipes import base
from small import small_run

TINY = ("--steps", 2, "--batch-size", 4, "--accelerator", "cpu")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recipe with small networks, and no products of large matrices."""
    real = base.recipe_config
    monkeypatch.setattr(base, "recipe_config", lambda name: small_run(real(name)))
    monkeypatch.setattr("kineme.train.throughput.matrix_peak", lambda device, dtype: 1e12)


@pytest.mark.parametrize("load", [0.5, 1000.0])
def test_a_warning_where_others_compute(load: float, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    answer = kineme("bench", "mae-compact", "--store", store, *TINY)
    assert ("other programs are busy" in answer.err) == (load > 1)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    small_store().save(tmp_path / "store")
    return tmp_path / "store"


def test_tables_and_file(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    answer = kineme("bench", "mamp-compact", "skeletonclr-comp*", "--store", store, "--json", file, *TINY)
    assert answer.status == 0, answer.err
    written = json.loads(file.read_text())["recipes"]
    assert [each["recipe"] for each in written] == ["mamp-compact", "skeletonclr-compact"]
    for each in written:
        rows = [line for line in answer.out.splitlines() if f" {each['recipe']} " in line]
        speed, whole = ([cell.strip() for cell in row.split("│")[2:-1]] for row in rows)
        assert speed[:3] == ["4", f"{each['seconds_per_step']:.3g}", f"{each['clips_per_second']:,.1f}"]
        assert whole[:3] == ["24", str(each["epochs"]), duration(each["training_seconds"])]
        assert each["training_seconds"] * each["clips_per_second"] == pytest.approx(24 * each["epochs"])
    assert "made up" not in answer.out
    assert "other work" in answer.out
    assert {path.name for path in tmp_path.iterdir()} == {"bench.json", "store"}


def test_without_a_store() -> None:
    answer = kineme("bench", "danet-compact", "--clips", 40, "--precision", "bf16-mixed", "--threads", 1, *TINY)
    assert answer.status == 0, answer.err
    assert "clips were made up (kinect20)" in answer.out
    assert "processor threads: 1, bf16-mixed" in answer.out
    assert next(line for line in answer.out.splitlines() if "epochs" not in line and " 40 " in line)


def test_one_recipe_of_every_method_by_default() -> None:
    from kineme.cli.bench import _chosen

    chosen = _chosen(())
    methods = [base.recipe_config(name).method.name for name in chosen]
    assert len(set(methods)) == len(methods)
    assert {"mamp", "skeletonclr", "actclr", "danet", "hacm", "agrnet", "supervised"} <= set(methods)
    assert all(name.endswith("-compact") for name in chosen)


def test_the_others_go_on(tmp_path: Path) -> None:
    small_store(labelled=False).save(tmp_path / "store")
    answer = kineme("bench", "danet-compact", "mae-compact", "--store", tmp_path / "store", *TINY)
    assert answer.status == 1
    assert "danet-compact: " in answer.err
    assert "labelled clips" in answer.err
    assert " mae-compact " in answer.out
    assert " danet-compact " not in answer.out


def test_a_note_where_a_step_has_fewer_clips(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    monkeypatch.setattr("kineme.train.throughput._FIRST", 2)
    monkeypatch.setattr("kineme.train.throughput._take_step", lambda trainer: 60.0)
    answer = kineme("bench", "mae-compact", "--store", store, "--accelerator", "cpu")
    assert "mae-compact: 2 clips a step, since its 4 would take long here" in answer.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["mamp-nowhere"], "unknown recipe 'mamp-nowhere'"),
        (["nothing-*"], "unknown recipe 'nothing-*'"),
        (["mae-compact", "--steps", 0], "--steps 0"),
        (["mae-compact", "--batch-size", 0], "--batch-size 0"),
        (["mae-compact", "--store", "nowhere"], "no skeleton store"),
        (["mae-compact", "--accelerator", "mps"], "cannot compute on 'mps'"),
    ],
)
def test_what_cannot_be_timed(options: list[object], message: str) -> None:
    assert message in refuse("bench", *options)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.512, "0.51 s"), (42, "42 s"), (60, "1 min"), (3600, "1 h"), (3660, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
