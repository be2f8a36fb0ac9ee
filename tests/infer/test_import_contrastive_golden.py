"""Contrastive checkpoints with the authors' weights, imported: our networks give what the authors' code gave."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from conftest import golden_cases
from contrastive_golden import LAYOUT, STAGE_ONE, STAGE_TWO, Golden
from kineme.infer.import_weights import Imported, import_weights
from kineme.methods.supervised import Supervised
from kineme.recipes.base import recipe_config

PAIR = ("im_q", "im_k")


def imported(golden: Golden, folder: Path, recipe: str) -> Imported:
    """The golden weights, saved as the authors do, under a recipe without dropout."""
    torch.save(golden.weights, folder / "official.pt")
    config = recipe_config(recipe)
    config = config.with_changes(encoder=config.encoder.with_changes(dropout=0.0))
    return import_weights(folder / "official.pt", config, LAYOUT, folder / "run")


@pytest.mark.parametrize("path", golden_cases("contrastive/released_actclr*.npz"))
def test_the_released_classifier(path: Path, tmp_path: Path) -> None:
    golden = Golden(path)
    run = imported(golden, tmp_path, "actclr-ntu60-xview").run
    method, batch = run.load_method(), golden.view("x")
    assert isinstance(method, Supervised)
    assert (method.config.head, method.config.num_classes) == ("plain", golden.meta["num_class"])
    assert run.config.published == ()
    with torch.no_grad():
        golden.check("out/logits", method.logits(replace(batch, xyz=batch.xyz.float())), tolerance=1e-3)
        golden.check("out/logits", method.double().logits(batch))


@pytest.mark.parametrize("path", golden_cases("contrastive/03_skeletonclr_step*.npz"))
def test_skeletonclr(path: Path, tmp_path: Path) -> None:
    golden = Golden(path)
    method = imported(golden, tmp_path, "skeletonclr-ntu60-xsub").run.load_method().double().train()
    output = method.step([golden.view(name) for name in PAIR], {}, STAGE_ONE)
    golden.check("out/logits", output.artefacts["logits"])


@pytest.mark.parametrize("path", golden_cases("contrastive/04_aimclr_step*.npz"))
def test_aimclr(path: Path, tmp_path: Path) -> None:
    golden = Golden(path)
    method = imported(golden, tmp_path, "aimclr-ntu60-xsub").run.load_method().double().train()
    output = method.step([golden.view(name) for name in ("im_extreme", *PAIR)], {}, STAGE_TWO)
    golden.check("out/nnm_top1/logits", output.artefacts["logits"])
    golden.check("out/nnm_top1/loss", output.loss)


@pytest.mark.parametrize("path", golden_cases("contrastive/05_crossclr_3views*.npz"))
def test_crosclr(path: Path, tmp_path: Path) -> None:
    golden = Golden(path)
    result = imported(golden, tmp_path, "crosclr-ntu60-xsub")
    assert "method.reference_quirks: True in the file, False in the recipe" in result.notes
    method = result.run.load_method().double().train()
    output = method.step([golden.view(name) for name in PAIR], {}, STAGE_ONE)
    for stream in ("joint", "motion", "bone"):
        golden.check(f"out/stage1/logits_{stream}", output.artefacts[f"{stream}_logits"])
