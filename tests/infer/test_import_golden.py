"""Checkpoints with the authors' weights, imported: our networks give what the authors' code gave."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import golden_cases, load_npz
from kineme.clips import ClipBatch
from kineme.infer.import_weights import import_weights
from kineme.layout import Layout
from kineme.methods import Method, Progress
from kineme.methods.supervised import Supervised
from kineme.recipes.base import RunConfig, recipe_config
from official_files import save_checkpoint

START = Progress(step=0, epoch=0.0, epochs=1)
KINECT = Layout.get("kinect25")


class Golden:
    """One golden file, its weights imported under a recipe from the checkpoint that the authors' program would save."""

    def __init__(self, path: Path, folder: Path, recipe: str, **method: object) -> None:
        self.arrays = load_npz(path)
        self.cfg = {key[4:]: value.tolist() for key, value in self.arrays.items() if key.startswith("cfg/")}
        weights = {key.split("/", 1)[1]: self.tensor(key) for key in self.arrays if key.startswith(("w/", "param/"))}
        heads = self.cfg["num_heads" if "num_heads" in self.cfg else "heads"]
        model = f"model_{self.cfg.get('kind', 'stjd')}"
        file = save_checkpoint(folder / "official.pth", weights, heads=heads, model=model)
        config = recipe_config(recipe)
        window = self.arrays["in/x"].shape[2]
        config: RunConfig = config.with_changes(
            prepare=config.prepare.with_changes(window=window), method=config.method.with_changes(**method)
        )
        imported = import_weights(file, config, KINECT, folder / "run")
        self.run, self.notes = imported.run, imported.notes

    def tensor(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[key])

    @property
    def method(self) -> Method:
        return self.run.load_method()

    @property
    def batch(self) -> ClipBatch:
        """The clips, from the field's (N, C, T, V, M)."""
        xyz = self.tensor("in/x").permute(0, 4, 2, 3, 1).contiguous()
        clips = torch.arange(len(xyz))
        return ClipBatch(xyz, xyz.abs().sum((3, 4)) > 0, clips * 0 + xyz.shape[2], clips, clips, KINECT)

    def check(self, key: str, ours: torch.Tensor) -> None:
        np.testing.assert_allclose(ours.detach().numpy(), self.arrays[key], rtol=1e-4, atol=1e-5, err_msg=key)

    def check_hidden(self, key: str, ours: torch.Tensor) -> None:
        """Predictions of the hidden tokens, which alone count."""
        hidden = self.arrays["out/mask"] == 1
        np.testing.assert_allclose(ours.numpy()[hidden], self.arrays[key][hidden], rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("path", golden_cases("masked/mae*.npz") + golden_cases("masked/mamp_*.npz"))
def test_masked(path: Path, tmp_path: Path) -> None:
    arrays = load_npz(path)
    own = {key: arrays[f"cfg/{key}"].item() for key in ("mask_ratio", "tau", "motion_stride") if f"cfg/{key}" in arrays}
    norm = "token" if arrays["cfg/norm_target"].item() else "none"
    golden = Golden(path, tmp_path, f"{arrays['cfg/kind'].item()}-ntu60-xsub", norm_target=norm, **own)
    output = golden.method.step([golden.batch], {"mask": golden.tensor("rng/uniform")}, START)
    golden.check_hidden("out/pred", output.artefacts["prediction"])
    golden.check("out/loss", output.loss)


@pytest.mark.parametrize("path", golden_cases("stjd/release_mp_model*.npz"))
def test_stjd_mp(path: Path, tmp_path: Path) -> None:
    arrays = load_npz(path)
    own = {key: arrays[f"cfg/{key}"].item() for key in ("mask_ratio", "tau")}
    golden = Golden(path, tmp_path, "stjd_mp-ntu60-xsub", **own)
    output = golden.method.step([golden.batch], {"mask": golden.tensor("in/uniform")}, START)
    np.testing.assert_array_equal(output.artefacts["masked"], golden.arrays["out/mask"])
    golden.check_hidden("out/pred", output.artefacts["prediction"])
    golden.check("out/loss", output.loss)


@pytest.mark.parametrize("path", golden_cases("masked/hacm_reference*.npz") + golden_cases("masked/hacm_aligned*.npz"))
def test_hacm(path: Path, tmp_path: Path) -> None:
    arrays = load_npz(path)
    own = {key: arrays[f"cfg/{key}"].item() for key in ("keep_fraction", "score_tau", "father_weight")}
    golden = Golden(path, tmp_path, "hacm-ntu60-xsub", layout=arrays["cfg/variant"].item(), **own)
    draws = {"even": golden.tensor("rng/uniform_t"), "odd": golden.tensor("rng/uniform_s")}
    output = golden.method.step([golden.batch], draws, START)
    golden.check_hidden("out/pred", output.artefacts["prediction"])
    golden.check("out/loss", output.loss)
    assert "; dropped 12 that the authors' code never uses" in golden.notes[0]


@pytest.mark.parametrize("path", golden_cases("masked/*clf_linprobe*.npz") + golden_cases("masked/*clf_finetune*.npz"))
def test_classifiers(path: Path, tmp_path: Path) -> None:
    kind = load_npz(path)["cfg/kind"].item()
    golden = Golden(path, tmp_path, f"{kind}-ntu60-xsub")
    method = golden.method
    assert isinstance(method, Supervised)
    assert method.config.num_classes == golden.cfg["num_classes"]
    golden.check("out/features", method.encoder.features(golden.batch))
    golden.check("out/logits_eval", method.logits(golden.batch))
