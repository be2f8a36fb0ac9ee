"""``kineme demo``: the whole road, on few files and with a network small enough to test."""

from pathlib import Path

import pytest

from command_line import succeed
from kineme.recipes.base import RunConfig, recipe_config
from kineme.synthetic import write_ntu_files
from kineme.train.run_dir import RunDir
from small import small_run


def small_recipe(name: str) -> RunConfig:
    """A recipe in seconds, evaluated as usual."""
    config = recipe_config(name)
    small = small_run(config)
    return small.with_changes(split=config.split, probe=config.probe.with_changes(epochs=2))


def few_files(folder: Path, num_subjects: int, clips_per: int, seed: int) -> list[Path]:
    """Fewer raw files than the demo asks for."""
    assert num_subjects * clips_per > 4
    return write_ntu_files(folder, num_subjects=4, clips_per=1, seed=seed)


def test_the_whole_road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kineme.synthetic.write_ntu_files", few_files)
    monkeypatch.setattr("kineme.recipes.base.recipe_config", small_recipe)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    out = tmp_path / "demo"
    text = succeed("demo", "--out", out, "--seed", 5)
    assert "1 broken" in text
    assert RunDir.open(out / "run").config.train.seed == 5
    assert sorted(path.stem for path in (out / "run" / "results").iterdir()) == ["knn", "linear"]
    assert (out / "report.json").is_file()
    assert (out / "report.png").is_file()
    for command in ("data check", "data prepare", "pretrain", "eval linear", "eval knn", "report"):
        assert f"  kineme {command} " in text
