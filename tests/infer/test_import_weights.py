"""Weights of the authors as runs of ours: the same networks, sizes from the file, and refusals that can be read."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import kineme
from fake import small_store
from kineme.errors import ConfigError, KinemeError, LayoutMismatchError, RunError, SourceError
from kineme.infer.import_weights import Imported, import_weights
from kineme.infer.official_hacm import is_dead
from kineme.infer.start import load_start, read_weights
from kineme.layout import Layout
from kineme.methods import Method
from kineme.methods.supervised import Supervised
from kineme.nn.tokens import resize_time_table
from kineme.recipes.base import RunConfig, recipe_config
from kineme.train.run_dir import RunDir
from official_files import ENCODERS, official_state, save_checkpoint, small_config, small_networks

KINECT = Layout.get("kinect25")
State = OrderedDict[str, Tensor]
CLASSIFIERS = [
    (encoder, head) for encoder in ("skeleton_transformer", "ball_transformer") for head in ("joint", "linear")
]


def recipe_for(method: str, **changes: object) -> RunConfig:
    """A published recipe, whose sizes are all others than those of `small_config`, with its short window."""
    config = recipe_config(f"{method}-ntu60-xsub")
    return config.with_changes(prepare=config.prepare.with_changes(window=16), **changes)


def imported(
    tmp_path: Path,
    state: State,
    config: RunConfig,
    layout: Layout = KINECT,
    model: str = "model_mamp",
    zipped: bool = True,
) -> Imported:
    file = save_checkpoint(tmp_path / "official.pth", state, model=model, is_zip=zipped)
    return import_weights(file, config, layout, tmp_path / "run")


def assert_same(run: RunDir, networks: Method) -> None:
    """The run's networks are these."""
    found, expected = run.load_method().state_dict(), networks.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("method", ENCODERS)
@pytest.mark.parametrize("zipped", [True, False])
def test_pretrained(tmp_path: Path, method: str, zipped: bool) -> None:
    networks = small_networks(small_config(method, decoder_depth=2))
    model = "model_mae" if method == "mae" else "model_mamp"
    result = imported(tmp_path, official_state(networks), recipe_for(method), model=model, zipped=zipped)
    assert_same(RunDir.open(result.run.path), networks)
    config = result.run.config
    assert config.recipe == f"{method}-ntu60-xsub"
    assert (config.encoder.model_dump()["width"], config.method.model_dump()["decoder_depth"]) == (16, 2)
    assert config.encoder.model_dump()["heads"] == config.method.model_dump()["decoder_heads"] == 2
    assert "encoder.width: 16 in the file, 256 in the recipe" in result.notes
    dropped = "; dropped 12 that the authors' code never uses" if method == "hacm" else ""
    assert result.notes[0] == f"{len(networks.state_dict())} weights of {method}{dropped}"


@pytest.mark.parametrize(("encoder", "head"), CLASSIFIERS)
def test_classifier(tmp_path: Path, encoder: str, head: str) -> None:
    networks = small_networks(small_config("supervised", encoder, head=head, num_classes=7, hidden=24))
    recipe = recipe_for("mamp" if encoder == "skeleton_transformer" else "hacm")
    result = imported(tmp_path, official_state(networks), recipe)
    assert_same(RunDir.open(result.run.path), networks)
    assert isinstance(result.run.load_method(), Supervised)
    settings = result.run.config.method.model_dump()
    assert (settings["head"], settings["num_classes"]) == (head, 7)
    assert settings["hidden"] == (24 if head == "joint" else 2048)
    assert result.run.config.published == ()


def test_recipe_of_a_classifier(tmp_path: Path) -> None:
    networks = small_networks(small_config("supervised", "skeleton_transformer", num_classes=7))
    recipe = recipe_config("mamp-ntu60-xsub-to-pku2-xsub")
    method = recipe.method.with_changes(dropout=0.5)
    recipe = recipe.with_changes(method=method, prepare=recipe.prepare.with_changes(window=16))
    result = imported(tmp_path, official_state(networks), recipe)
    assert_same(result.run, networks)
    assert result.run.config.method.model_dump()["dropout"] == 0.5


def test_what_the_run_says(tmp_path: Path) -> None:
    run = imported(tmp_path, official_state(small_networks(small_config("mamp"))), recipe_for("mamp")).run
    assert sorted(file.name for file in run.path.iterdir()) == ["run.json", "weights.safetensors"]
    record = RunDir.open(run.path).record
    digest = hashlib.sha256((tmp_path / "official.pth").read_bytes()).hexdigest()
    assert record.provenance == {"weights": "official.pth", "sha256": digest, "kineme": kineme.__version__}
    assert (record.store, record.num_clips, record.channels) == ("", 0, 3)
    assert run.layout == KINECT


def test_window_of_another_length(tmp_path: Path) -> None:
    networks = small_networks(small_config("mamp"))
    config = recipe_for("mamp")
    config = config.with_changes(prepare=config.prepare.with_changes(window=24))
    result = imported(tmp_path, official_state(networks), config)
    assert result.notes[-1] == "positions: 4 slots in the file, 6 in a window of 24 frames; interpolated"
    found, expected = result.run.load_method().state_dict(), networks.state_dict()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], resize_time_table(value, 6) if name.endswith("time") else value)


def test_window_of_the_same_length_is_no_news(tmp_path: Path) -> None:
    config = small_config("mamp")
    assert len(imported(tmp_path, official_state(small_networks(config)), config).notes) == 1


def test_heads_that_the_file_does_not_tell(tmp_path: Path) -> None:
    config = small_config("mamp")
    torch.save(official_state(small_networks(config)), tmp_path / "bare.pth")
    result = import_weights(tmp_path / "bare.pth", config, KINECT, tmp_path / "run")
    assert result.run.config == config
    assert "encoder.heads: as in the recipe; the file does not tell" in result.notes[1]
    with pytest.raises(ConfigError, match=r"width 16 is not a multiple of encoder.heads 3"):
        wrong = config.with_changes(encoder=config.encoder.with_changes(heads=3))
        import_weights(tmp_path / "bare.pth", wrong, KINECT, tmp_path / "other")


def test_imported_weights_start_a_training(tmp_path: Path) -> None:
    networks = small_networks(small_config("mamp"))
    run = imported(tmp_path, official_state(networks), recipe_for("mamp")).run
    method = small_networks(small_config("stjd_mp", decoder_depth=2))
    report = load_start(method, read_weights(run.path), "all_matching")
    assert set(report.taken) == set(networks.state_dict())
    assert {name.split(".")[0] for name in report.fresh} == {"density", "decoder"}


def rename(state: State, old: str, new: str) -> None:
    state[new] = state.pop(old)


def drop_many(state: State) -> None:
    for name in [name for name in state if name.startswith("blocks.0.")]:
        del state[name]


def faults() -> list[object]:
    """What can be wrong with names and shapes, and what is said about it."""
    cases: dict[str, tuple[Callable[[State], object], str]] = {
        "missing": (lambda s: s.pop("norm.bias"), "1 missing:\n    norm.bias (ours: encoder.norm.bias)"),
        "no kernel": (lambda s: s.pop("joints_embed.proj.weight"), "1 missing:\n    joints_embed.proj.weight (ours"),
        "no table": (lambda s: s.pop("pos_embed"), "1 missing:\n    pos_embed (ours: encoder.positions.joint)"),
        "no decoder": (lambda s: s.pop("decoder_embed.weight"), "1 missing:\n    decoder_embed.weight"),
        "many missing": (drop_many, "and 4 more"),
        "unknown": (lambda s: s.update(extra=torch.ones(2)), "1 not known:\n    extra\n"),
        "own name": (lambda s: rename(s, "norm.bias", "encoder.norm.bias"), "1 not known:\n    encoder.norm.bias\n"),
        "both names": (
            lambda s: s.update({"encoder.norm.bias": torch.ones(16)}),
            "1 not known:\n    encoder.norm.bias\n",
        ),
        "dead of another": (lambda s: s.update(mask_token_s=torch.ones(1, 1, 16)), "1 not known:\n    mask_token_s"),
        "plain head": (lambda s: s.update({"head.fc.weight": torch.ones(2, 16)}), "not known:\n    head.fc.weight"),
        "shape": (
            lambda s: s.update({"norm.bias": torch.ones(17)}),
            "1 of another shape:\n    norm.bias (ours: encoder.norm.bias): (17,), expected (16,)",
        ),
        "empty": (lambda s: s.update({"temp_embed": torch.ones(1, 0, 1, 16)}), "(1, 0, 1, 16), expected (1, 4, 1, 16)"),
        "gap": (lambda s: rename(s, "blocks.0.norm1.bias", "blocks.9.norm1.bias"), "blocks.9.norm1.bias"),
        "huge": (lambda s: s.update({"joints_embed.proj.weight": torch.ones(100_000, 3, 1, 1)}), "of another shape"),
        "wide": (lambda s: s.update({"blocks.0.mlp.fc1.weight": torch.ones(1_000_000, 1)}), "of another shape"),
    }
    return [pytest.param(*case, id=name) for name, case in cases.items()]


@pytest.mark.parametrize(("spoil", "message"), faults())
def test_names_and_shapes_are_strict(tmp_path: Path, spoil: Callable[[State], object], message: str) -> None:
    config = small_config("mamp")
    state = official_state(small_networks(config))
    spoil(state)
    with pytest.raises(SourceError) as caught:
        imported(tmp_path, state, config)
    text = str(caught.value)
    assert "official.pth: not the weights of these networks:" in text
    assert message in text
    assert len(text.splitlines()) < 40
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("method", "recipe", "message"),
    [
        (
            "hacm",
            "mamp-ntu60-xsub",
            r"weights of hacm, .* recipe of mamp \(kineme import-weights hacm-ntu60-xsub FILE",
        ),
        (
            "mamp",
            "hacm-ntu120-xset",
            r"weights of mamp, .* recipe of hacm \(kineme import-weights mamp-ntu120-xset FILE",
        ),
        ("stjd_mp", "mamp-ntu60-xsub", r"weights of stjd_mp, .* import-weights stjd_mp-ntu60-xsub FILE"),
        ("mamp", "mae-ntu60-xsub", r"weights of mamp, and mae-ntu60-xsub is a recipe of mae"),
        (
            "mamp",
            "mamp-ntu60-xsub-to-pku2-xsub",
            r"a recipe of supervised \(kineme import-weights mamp-ntu60-xsub FILE",
        ),
        (
            "stjd_mp",
            "hacm-reference-nucla",
            r"weights of stjd_mp, .*import-weights RECIPE FILE; kineme recipes lists all",
        ),
    ],
)
def test_weights_of_another_method(tmp_path: Path, method: str, recipe: str, message: str) -> None:
    state = official_state(small_networks(small_config(method)))
    with pytest.raises(SourceError, match=message):
        imported(tmp_path, state, recipe_config(recipe))


def test_mamp_is_where_stjd_mp_starts(tmp_path: Path) -> None:
    state = official_state(small_networks(small_config("mamp")))
    message = r"import-weights mamp-pku1-xsub FILE, then: kineme pretrain stjd_mp-pku1-xsub --start.weights RUN"
    with pytest.raises(SourceError, match=message):
        imported(tmp_path, state, recipe_config("stjd_mp-pku1-xsub"))


def test_mae_and_mamp_are_told_apart_by_their_program_alone(tmp_path: Path) -> None:
    networks = small_networks(small_config("mae"))
    with pytest.raises(SourceError, match=r"weights of mae, .* import-weights mae-ntu60-xsub FILE"):
        imported(tmp_path, official_state(networks), recipe_for("mamp"), model="model_mae")
    assert_same(imported(tmp_path, official_state(networks), recipe_for("mae"), model="elsewhere").run, networks)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["st_gcn_networks.0.gcn.conv.weight", "edge_importance.0"], "weights of ST-GCN, with names such as st_gcn"),
        (["encoder_q.fc.weight"], "weights of a contrastive method"),
        (["encoder.tokeniser.weight"], "weights of kineme itself"),
        (
            ["layer1.0.conv.weight", "fc.bias"],
            "weights of another project, with names such as layer1.0.conv.weight, fc",
        ),
    ],
)
def test_another_project(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        imported(tmp_path, OrderedDict((name, torch.ones(2)) for name in names), recipe_for("mamp"))


def test_joints_must_fit_the_layout(tmp_path: Path) -> None:
    state = official_state(small_networks(small_config("mamp")))
    with pytest.raises(LayoutMismatchError, match="weights of 25 joints, the encoder reads 20 of kinect20"):
        imported(tmp_path, state, recipe_for("mamp"), Layout.get("kinect20"))
    pruned = official_state(small_networks(small_config("supervised", "ball_transformer")))
    with pytest.raises(LayoutMismatchError, match="weights of 18 joints, the encoder reads 25 of kinect25"):
        imported(tmp_path, pruned, recipe_for("mamp"))


def test_window_must_fit_the_segment(tmp_path: Path) -> None:
    config = recipe_for("mamp")
    config = config.with_changes(prepare=config.prepare.with_changes(window=18))
    with pytest.raises(ConfigError, match=r"window 18 is not a multiple of encoder.segment 4"):
        imported(tmp_path, official_state(small_networks(small_config("mamp"))), config)


def test_existing_run_stays(tmp_path: Path) -> None:
    config = small_config("mamp")
    there = RunDir.create(tmp_path / "run", config, small_store(num_clips=4), 4)
    before = (there.path / "run.json").read_bytes()
    with pytest.raises(RunError, match=r"holds a run already; choose another --out$"):
        imported(tmp_path, official_state(small_networks(config)), config)
    assert (there.path / "run.json").read_bytes() == before
    assert [file.name for file in there.path.iterdir()] == ["run.json"]


def test_a_full_disk_leaves_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, state = small_config("mamp"), official_state(small_networks(small_config("mamp")))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            imported(tmp_path, state, config)
    assert not list((tmp_path / "run").iterdir())
    with pytest.raises(RunError, match="no run here"):
        RunDir.open(tmp_path / "run")
    assert imported(tmp_path, state, config).run.load_method()


@pytest.mark.parametrize("shape", [(16, 12), (16, 3, 4, 2), (16, 3, 4, 1, 1), ()])
def test_the_kernel_must_be_one(tmp_path: Path, shape: tuple[int, ...]) -> None:
    config = small_config("mamp")
    state = official_state(small_networks(config))
    state["joints_embed.proj.weight"] = torch.ones(shape)
    with pytest.raises(SourceError, match=r"expected a kernel .D, C, segment, 1., found shape"):
        imported(tmp_path, state, config)


@pytest.mark.parametrize("change", [None, torch.tensor(1.0), torch.ones(2, 2, 2)], ids=["missing", "number", "cube"])
def test_every_fault_is_ours(tmp_path: Path, change: Tensor | None) -> None:
    """Each weight in turn is missing or another: no refusal is anything but a typed error."""
    config, file = small_config("hacm"), tmp_path / "faulty.pth"
    whole = official_state(small_networks(config))
    for name in (name for name in whole if not is_dead(name)):
        state = {key: value for key, value in whole.items() if key != name}
        torch.save(state if change is None else {**state, name: change}, file)
        with pytest.raises(KinemeError):
            import_weights(file, config, KINECT, tmp_path / "run")
    assert not (tmp_path / "run").exists()
