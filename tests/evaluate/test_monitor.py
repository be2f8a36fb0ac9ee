"""The look at an encoder in pretraining: on training clips alone, changing nothing, and true to what it says."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from conftest import golden_cases, load_npz
from fake import small_store, tiny_config
from kineme.errors import KinemeError, SplitError, StoreError
from kineme.evaluate.bank import extract
from kineme.evaluate.config import FeatureConfig
from kineme.evaluate.monitor import NEIGHBOURS, Monitor, monitored_clips, read_monitor
from kineme.evaluate.protocols import Settings, Task, protocols
from kineme.evaluate.sides import labelled_sides
from kineme.methods.momentum_contrast import MomentumContrast
from kineme.recipes.base import RunConfig
from kineme.splits import get_split
from kineme.store import SkeletonStore
from kineme.train.build import build_method
from kineme.train.loop import InterruptedRunError, Report, fit
from kineme.train.run_dir import RunDir
from kineme.transforms.pipeline import eval_pipeline
from small import small_pair

SPLIT = "nucla-xview"
STORE = small_store(num_clips=36)
PAIRS = [
    ("mae", "skeleton_transformer"),
    ("hacm", "ball_transformer"),
    ("skeletonclr", "stgcn"),
    ("stjd_cl", "stgcn"),
]
by_pair = pytest.mark.parametrize("pair", PAIRS, ids="-".join)


def config_of(pair: tuple[str, str], epochs: int = 4) -> RunConfig:
    """A short run on the training side of the split; encoders draw from torch's own generator where they can."""
    config = small_pair(*pair)
    encoder = config.encoder
    if "drop_path" in type(encoder).model_fields:
        encoder = encoder.with_changes(drop_path=0.2)
    train = config.train.with_changes(epochs=epochs, batch_size=8, log_steps=1, checkpoint_epochs=1)
    return config.with_changes(split=SPLIT, encoder=encoder, train=train)


def pretrain(config: RunConfig, out: Path, every: int | None = None, **options: Any) -> RunDir:
    watch = None if every is None else Monitor(config, STORE, out, every)
    return fit(config, STORE, out, accelerator="cpu", on_epoch=watch, **options)


@by_pair
def test_looking_changes_no_weight(tmp_path: Path, pair: tuple[str, str]) -> None:
    runs = [pretrain(config_of(pair), tmp_path / str(every), every) for every in (None, 1)]
    first, second = (load_file(run.path / "weights.safetensors") for run in runs)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [line["loss"] for line in runs[0].metrics()] == [line["loss"] for line in runs[1].metrics()]
    assert len(read_monitor(runs[1].path / "monitor.jsonl")) == 4


@by_pair
def test_method_and_generator_are_left_as_they_were(tmp_path: Path, pair: tuple[str, str]) -> None:
    config = config_of(pair)
    method = build_method(config, STORE.layout, STORE.channels).train()
    method.encoder.eval()
    modes, state = [module.training for module in method.modules()], torch.get_rng_state()
    weights = {name: value.clone() for name, value in method.state_dict().items()}
    Monitor(config, STORE, tmp_path, 1)(1, method)
    assert [module.training for module in method.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, weights[name]) for name, value in method.state_dict().items())


def test_every_so_many_epochs(tmp_path: Path) -> None:
    run = pretrain(config_of(PAIRS[0], epochs=5), tmp_path / "run", every=2)
    lines = read_monitor(run.path / "monitor.jsonl")
    assert [line["epoch"] for line in lines] == [2, 4]
    assert all(list(line) == ["epoch", "k=10", "k=20", "k=40"] for line in lines)
    assert all(0 <= line[f"k={k}"] <= 1 for line in lines for k in (10, 20, 40))


@pytest.mark.parametrize(
    ("pair", "features"), [(PAIRS[0], FeatureConfig()), (PAIRS[0], FeatureConfig(pool="joint", standardise=True))]
)
def test_pooled_features(tmp_path: Path, pair: tuple[str, str], features: FeatureConfig) -> None:
    config = config_of(pair).with_changes(features=features)
    known, asked = monitored_clips(config, STORE)
    run = pretrain(config, tmp_path / "run", every=4)
    encoder = run.load_method().encoder
    vectors = [extract(encoder, STORE, index, config.prepare, features)[0] for index in (known, asked)]
    if features.standardise:
        mean, deviation = vectors[0].mean(dim=0), vectors[0].std(dim=0, correction=0)
        vectors = [(rows - mean) / deviation for rows in vectors]
    check(run, known, asked, *vectors)


def test_queries_of_a_contrastive_method(tmp_path: Path) -> None:
    plain = config_of(("skeletonclr", "stgcn"))
    scaled = plain.with_changes(features=FeatureConfig(pool="joint", standardise=True))
    method = build_method(plain, STORE.layout, STORE.channels)
    assert isinstance(method, MomentumContrast)
    watches = [Monitor(config, STORE, tmp_path, 1) for config in (plain, scaled)]
    clips = eval_pipeline(plain.prepare)(STORE.gather(watches[0].known), torch.Generator())
    with torch.inference_mode():
        found = watches[1].vectors(method.train(), watches[1].known)
        expected = method.eval().query(method.encoder.features(clips))
    assert found.shape == (18, 8)
    torch.testing.assert_close(found, expected)
    assert watches[0].accuracies(method) == watches[1].accuracies(method), "settings of pooled features are not theirs"


def check(run: RunDir, known: np.ndarray, asked: np.ndarray, train: torch.Tensor, queries: torch.Tensor) -> None:
    """The last line of a run, by the words of the protocol: cosine, k nearest, votes of exp(cosine / 0.1)."""
    line = read_monitor(run.path / "monitor.jsonl")[-1]
    assert line["epoch"] == 4
    unit = [torch.nn.functional.normalize(rows.double(), dim=1) for rows in (train, queries)]
    cosine = unit[1] @ unit[0].T
    for k in (10, 20, 40):
        right = 0
        for clip, row in zip(asked, cosine, strict=True):
            votes = [0.0] * len(STORE.classes)
            for neighbour in row.argsort(descending=True)[:k]:
                votes[STORE.labels[known[neighbour]]] += float((row[neighbour] / 0.1).exp())
            right += int(np.argmax(votes) == STORE.labels[clip])
        assert line[f"k={k}"] == pytest.approx(right / len(asked))


def test_clips_are_those_that_evaluation_divides() -> None:
    config = tiny_config(split=SPLIT)
    known, asked = monitored_clips(config, STORE)
    sides = labelled_sides(STORE, SPLIT, seed=0)
    assert sides.held_out is not None
    held_out = sides.held_out.numpy()
    assert known.tolist() == sides.train[~held_out].tolist()
    assert asked.tolist() == sides.train[held_out].tolist()
    assert not set(STORE.clips["subject"][known]) & set(STORE.clips["subject"][asked])


@pytest.mark.parametrize("subset", [{"fraction": 0.5}, {"hold_out": True}], ids=str)
def test_a_smaller_share_is_judged_by_the_same_clips(subset: dict[str, object]) -> None:
    whole, share = (monitored_clips(tiny_config(split=SPLIT, subset=each), STORE) for each in ({}, subset))
    assert all(np.array_equal(first, second) for first, second in zip(whole, share, strict=True))


def test_all_clips_without_a_split() -> None:
    known, asked = monitored_clips(tiny_config(), STORE)
    assert sorted([*known, *asked]) == list(range(36))


def relabelled(change: Callable[[np.ndarray], None]) -> SkeletonStore:
    """The store with other columns of its table."""
    rows, clips = STORE.gather([]), STORE.clips.copy()
    change(clips)
    return SkeletonStore(rows.xyz, rows.present, clips, layout=STORE.layout, classes=STORE.classes)


def test_labels_of_test_clips_do_not_matter(tmp_path: Path) -> None:
    def forget(clips: np.ndarray) -> None:
        clips["label"][get_split(STORE, SPLIT)[1]] = -1

    config = config_of(PAIRS[0])
    method = build_method(config, STORE.layout, STORE.channels)
    found = [Monitor(config, store, tmp_path, 1).accuracies(method) for store in (STORE, relabelled(forget))]
    assert found[0] == found[1]


def unlabel(clips: np.ndarray) -> None:
    clips["label"][get_split(STORE, SPLIT)[0]] = -1


def one_subject(clips: np.ndarray) -> None:
    clips["subject"] = 3


def unknown_subjects(clips: np.ndarray) -> None:
    clips["subject"] = -1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (unlabel, StoreError, "none of the 24 training clips has a label.*leave --monitor out"),
        (one_subject, SplitError, "two or more; the training clips hold no other than 3.*leave --monitor out"),
        (unknown_subjects, SplitError, "clips of unknown subject.*leave --monitor out"),
    ],
)
def test_stores_that_give_nothing_to_look_at(
    tmp_path: Path, change: Callable[[np.ndarray], None], error: type[KinemeError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Monitor(tiny_config(split=SPLIT), relabelled(change), tmp_path, 1)


def test_stopped_and_resumed(tmp_path: Path) -> None:
    """What is on record of epochs after the checkpoint, when a run was killed, is found anew."""
    config = config_of(PAIRS[0])
    whole = pretrain(config, tmp_path / "whole", every=1)

    def stop(report: Report) -> None:
        if report.step == 7:
            signal.raise_signal(signal.SIGTERM)

    out = tmp_path / "stopped"
    with pytest.raises(InterruptedRunError):
        pretrain(config, out, every=1, on_step=stop)
    lines = read_monitor(out / "monitor.jsonl")
    assert [line["epoch"] for line in lines] == [1, 2]
    with (out / "monitor.jsonl").open("a") as file:
        file.write('{"epoch": 3, "k=10": 7.0, "k=20": 7.0, "k=40": 7.0}\n')
    pretrain(config, out, every=1, resume=True)
    assert read_monitor(out / "monitor.jsonl") == read_monitor(whole.path / "monitor.jsonl")


def test_what_is_known_later_is_forgotten_between_looks(tmp_path: Path) -> None:
    config = config_of(PAIRS[0])
    method = build_method(config, STORE.layout, STORE.channels)
    watch = Monitor(config, STORE, tmp_path, 2)
    for epoch in (1, 2, 3, 4):
        watch(epoch, method)
    resumed = Monitor(config, STORE, tmp_path, 2)
    resumed(3, method)
    assert [line["epoch"] for line in read_monitor(tmp_path / "monitor.jsonl")] == [2]


def test_the_note_is_the_last_line(tmp_path: Path) -> None:
    config = config_of(PAIRS[0])
    watch = Monitor(config, STORE, tmp_path, 2)
    assert watch.note == ""
    watch(2, build_method(config, STORE.layout, STORE.channels))
    figures = " / ".join(f"{100 * watch.lines[-1][f'k={k}']:.1f}" for k in (10, 20, 40))
    assert watch.note == f"kNN {figures} % at 2"


@pytest.mark.parametrize("path", golden_cases("contrastive/11_knn_schedules*.npz"))
def test_neighbours_are_the_authors(path: Path) -> None:
    arrays = load_npz(path)
    bank, labels, queries = (torch.from_numpy(arrays[f"in/{name}"]) for name in ("bank", "bank_labels", "query"))
    task = Task(bank[None], labels, queries, int(arrays["in/num_classes"]))
    candidates = protocols.get("knn")().candidates(replace(task, settings=Settings(knn=NEIGHBOURS)))
    for k, predicted in zip(NEIGHBOURS.neighbours, candidates.predictions, strict=True):
        np.testing.assert_array_equal(predicted.numpy(), arrays[f"out/pred_k{k}"][:, 0], err_msg=f"k={k}")
