"""Weights of the contrastive family as runs of ours: the same networks, sizes from the file, and refusals."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kineme.errors import ConfigError, KinemeError, LayoutMismatchError, RunError, SourceError
from kineme.infer.import_weights import Imported, import_weights
from kineme.infer.official import Naming
from kineme.infer.official_crosclr import CROSCLR_NAMING
from kineme.infer.official_moco import MOCO_NAMING
from kineme.layout import Layout
from kineme.methods import Method
from kineme.methods.supervised import Supervised
from kineme.recipes.base import recipe_config
from kineme.train.run_dir import RunDir
from official_files import official_state, official_stgcn_state, small_config, small_networks

KINECT = Layout.get("kinect25")
State = OrderedDict[str, Tensor]
ONE_STREAM = ["skeletonclr", "aimclr", "actclr"]
QUIRKS = {"reference_quirks": True}
TELLING = (
    "queue",
    "encoder_q.data_bn.weight",
    "encoder_q.st_gcn_networks.0.gcn.conv.weight",
    "encoder_q.st_gcn_networks.0.tcn.2.weight",
    "encoder_q.st_gcn_networks.9.tcn.3.weight",
    "encoder_k.st_gcn_networks.4.residual.1.running_var",
    "encoder_q.edge_importance.0",
    "encoder_q.fc.0.weight",
    "encoder_k.fc.2.bias",
)


def networks_of(method: str, **settings: object) -> Method:
    return small_networks(small_config(method, "stgcn", **settings))


def imported(
    tmp_path: Path, state: object, recipe: str, layout: Layout = KINECT, encoder: Mapping[str, object] | None = None
) -> Imported:
    torch.save(state, tmp_path / "official.pt")
    config = recipe_config(recipe)
    config = config.with_changes(encoder=config.encoder.with_changes(**encoder or {}))
    return import_weights(tmp_path / "official.pt", config, layout, tmp_path / "run")


def refusal(tmp_path: Path, state: object, recipe: str) -> str:
    with pytest.raises(SourceError) as caught:
        imported(tmp_path, state, recipe)
    assert not (tmp_path / "run").exists()
    text = str(caught.value)
    assert str(tmp_path / "official.pt") in text
    return text


def assert_same(run: RunDir, networks: Method) -> None:
    """The run's networks are these."""
    found, expected = run.load_method().state_dict(), networks.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("method", ONE_STREAM)
def test_pretrained(tmp_path: Path, method: str) -> None:
    networks = networks_of(method)
    result = imported(tmp_path, official_stgcn_state(networks), f"{method}-ntu60-xsub")
    assert_same(RunDir.open(result.run.path), networks)
    assert result.run.config.method.name == method
    weights = len(networks.state_dict())
    assert result.notes[0] == f"{weights} weights of {method}; dropped 2 that the networks have anyway"
    assert "encoder.hidden_channels: 4 in the file, 16 in the recipe" in result.notes
    assert "encoder.width: 16 in the file, 256 in the recipe" in result.notes
    assert "method.features: 8 in the file, 128 in the recipe" in result.notes
    assert any(note.startswith("method.queue_size: 32 in the file, ") for note in result.notes)
    assert len(result.notes) == 5


@pytest.mark.parametrize(
    ("others", "quirks"),
    [(("motion",), True), (("motion", "bone"), True), (("bone",), False), (("motion", "bone"), False)],
)
def test_several_streams(tmp_path: Path, others: tuple[str, ...], quirks: bool) -> None:
    networks = networks_of("crosclr", others=others, reference_quirks=quirks)
    state = official_stgcn_state(networks)
    if not quirks:  # projectors of their own have no aliases
        state = OrderedDict((name, value) for name, value in state.items() if not is_alias(name))
    result = imported(tmp_path, state, "crosclr-ntu60-xview")
    assert_same(RunDir.open(result.run.path), networks)
    settings = result.run.config.method.model_dump()
    assert (tuple(settings["others"]), settings["reference_quirks"]) == (others, quirks)
    dropped = len(state) - len(networks.state_dict())
    assert f"; dropped {dropped} that the networks have anyway" in result.notes[0]


def is_alias(name: str) -> bool:
    return any(f".fc.2.{layer}." in name for layer in (0, 2))


def test_streams_that_do_not_share_what_they_should(tmp_path: Path) -> None:
    state = official_stgcn_state(networks_of("crosclr", **QUIRKS))
    state["encoder_k_bone.fc.2.2.bias"] = state["encoder_k_bone.fc.2.2.bias"] + 1
    text = refusal(tmp_path, state, "crosclr-ntu60-xsub")
    assert "encoder_k_bone.fc.2.2.bias is not encoder_k.fc.2.bias" in text


def without_prefix(state: State) -> State:
    return OrderedDict((name.removeprefix("encoder_q."), value) for name, value in state.items())


def as_matrices(state: State) -> State:
    return OrderedDict(
        (name, value.flatten(1) if value.shape[2:] == (1, 1) and ".fc." in name else value)
        for name, value in state.items()
    )


def in_parallel(state: State) -> dict[str, State]:
    return {"state_dict": OrderedDict((f"module.{name}", value) for name, value in state.items())}


@pytest.mark.parametrize(
    "form", [OrderedDict, without_prefix, as_matrices, in_parallel, lambda state: {"model": state}]
)
@pytest.mark.parametrize("recipe", ["actclr-ntu60-xview", "crosclr-ntu120-xset"])
def test_classifier(tmp_path: Path, form: Callable[[State], object], recipe: str) -> None:
    networks = networks_of("supervised", head="plain", num_classes=7)
    result = imported(tmp_path, form(official_stgcn_state(networks)), recipe)
    assert_same(RunDir.open(result.run.path), networks)
    assert isinstance(result.run.load_method(), Supervised)
    settings = result.run.config.method.model_dump()
    assert (settings["head"], settings["num_classes"]) == ("plain", 7)
    assert result.run.config.published == ()
    assert len(result.run.config.augment) == 1


@pytest.mark.parametrize("layers", [as_matrices, in_parallel])
def test_forms_of_a_pretraining(tmp_path: Path, layers: Callable[[State], object]) -> None:
    networks = networks_of("aimclr")
    assert_same(imported(tmp_path, layers(official_stgcn_state(networks)), "aimclr-pku1-xsub").run, networks)


@pytest.mark.parametrize(("method", "naming"), [("aimclr", MOCO_NAMING), ("crosclr", CROSCLR_NAMING)])
def test_names_translate_both_ways(method: str, naming: Naming) -> None:
    networks = networks_of(method, **(QUIRKS if method == "crosclr" else {}))
    names = [name for name in official_stgcn_state(networks) if not naming.is_dead(name)]
    ours = [naming.ours(name) for name in names]
    assert set(ours) == set(networks.state_dict())
    assert [naming.official(name) for name in ours] == names


def test_encoders_without_edge_importance(tmp_path: Path) -> None:
    config = small_config("skeletonclr", "stgcn")
    networks = small_networks(config.with_changes(encoder=config.encoder.with_changes(edge_importance=False)))
    result = imported(tmp_path, official_stgcn_state(networks), "skeletonclr-ntu60-xsub")
    assert_same(result.run, networks)
    assert "encoder.edge_importance: False in the file, True in the recipe" in result.notes


def test_a_file_without_its_graph(tmp_path: Path) -> None:
    networks = networks_of("supervised", head="plain", num_classes=7)
    state = official_stgcn_state(networks)
    del state["encoder_q.A"]
    result = imported(tmp_path, state, "aimclr-ntu60-xsub")
    assert_same(result.run, networks)
    assert result.notes[-1].startswith("the file has no graph (A)")


@pytest.mark.parametrize("part", ["encoder_q", "encoder_k"])
def test_the_graph_must_be_the_layouts(tmp_path: Path, part: str) -> None:
    state = official_stgcn_state(networks_of("skeletonclr"))
    state[f"{part}.A"] = state[f"{part}.A"].roll((1, 1), dims=(1, 2))
    with pytest.raises(LayoutMismatchError, match=r"official.pt: weights of another graph: \(3, 25, 25\)"):
        imported(tmp_path, state, "skeletonclr-ntu60-xsub")


def test_the_graph_must_be_split_as_in_the_recipe(tmp_path: Path) -> None:
    state = official_stgcn_state(networks_of("skeletonclr"))
    with pytest.raises(LayoutMismatchError, match=r"give the layout and the encoder.strategy"):
        imported(tmp_path, state, "skeletonclr-ntu60-xsub", encoder={"strategy": "uniform"})


def test_joints_must_fit_the_layout(tmp_path: Path) -> None:
    state = official_stgcn_state(networks_of("skeletonclr"))
    with pytest.raises(LayoutMismatchError, match="weights of 25 joints, the encoder reads 20 of kinect20"):
        imported(tmp_path, state, "skeletonclr-ntu60-xsub", Layout.get("kinect20"))


def encoder_alone(state: State) -> State:
    return OrderedDict(
        (name, value) for name, value in state.items() if name.startswith("encoder_q.") and "fc" not in name
    )


def streams_of_classifiers(state: State) -> State:
    one = {name.removeprefix("encoder_q."): value for name, value in state.items() if name.startswith("encoder_q.")}
    one = {name: value for name, value in one.items() if not name.startswith("fc.")} | {"fc.weight": torch.ones(7, 16)}
    return OrderedDict(
        (f"encoder_q{stream}.{name}", value) for stream in ("", "_motion") for name, value in one.items()
    )


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (encoder_alone, "an encoder alone, without a head (fc) or what it was trained with (projectors"),
        (lambda state: without_prefix(encoder_alone(state)), "an encoder alone"),
        (streams_of_classifiers, "classifiers of several streams, which are one run each"),
    ],
)
def test_files_that_are_no_run(tmp_path: Path, form: Callable[[State], State], message: str) -> None:
    assert message in refusal(tmp_path, form(official_stgcn_state(networks_of("aimclr"))), "aimclr-ntu60-xsub")


@pytest.mark.parametrize(
    ("method", "recipe", "message"),
    [
        (
            "aimclr",
            "crosclr-ntu60-xsub",
            "weights of skeletonclr or aimclr or actclr, and crosclr-ntu60-xsub is a recipe of crosclr "
            "(kineme import-weights skeletonclr-ntu60-xsub FILE",
        ),
        ("crosclr", "actclr-ntu120-xset", "weights of crosclr, and actclr-ntu120-xset is a recipe of actclr"),
        ("crosclr", "actclr-ntu120-xset", "import-weights crosclr-ntu120-xset FILE"),
        ("skeletonclr", "mamp-ntu60-xsub", "weights of a contrastive method such as SkeletonCLR or AimCLR"),
    ],
)
def test_weights_of_another_method(tmp_path: Path, method: str, recipe: str, message: str) -> None:
    assert message in refusal(tmp_path, official_stgcn_state(networks_of(method)), recipe)


def test_weights_of_the_masked_family(tmp_path: Path) -> None:
    text = refusal(tmp_path, official_state(small_networks(small_config("mamp"))), "aimclr-ntu60-xsub")
    assert "weights of a masked method such as MAE or MAMP, with names such as" in text
    assert "expected those of SkeletonCLR, CrosSCLR, AimCLR or ActCLR" in text


def test_another_encoder_has_no_official_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kineme.infer.import_weights._FAMILIES", {})
    with pytest.raises(ConfigError, match=r"the authors have no weights for stgcn; see: kineme recipes"):
        imported(tmp_path, official_stgcn_state(networks_of("aimclr")), "aimclr-ntu60-xsub")


def drop(name: str) -> Callable[[State], object]:
    return lambda state: state.pop(name)


def add(name: str, *shape: int) -> Callable[[State], object]:
    return lambda state: state.update({name: torch.ones(shape)})


def faults() -> list[object]:
    """What can be wrong with names and shapes, and what is said about it."""
    block = "st_gcn_networks.3.tcn.2"
    cases = {
        "missing": (
            drop(f"encoder_q.{block}.bias"),
            f"1 missing:\n    encoder_q.{block}.bias (ours: encoder.blocks.3.temporal.bias)",
        ),
        "no queue": (drop("queue"), "missing:\n    queue (ours: queue.keys)\n"),
        "no projector": (drop("encoder_k.fc.2.weight"), "1 missing:\n    encoder_k.fc.2.weight (ours: key_projector.2"),
        "one edge importance": (drop("encoder_q.edge_importance.4"), "1 missing:\n    encoder_q.edge_importance.4 ("),
        "other projects": (add("encoder_q.slot_attn.mu", 2), "1 not known:\n    encoder_q.slot_attn.mu\n"),
        "prototypes": (add("prototypes.weight", 2), "1 not known:\n    prototypes.weight\n"),
        "own name": (add("encoder.input_norm.bias", 75), "1 not known:\n    encoder.input_norm.bias\n"),
        "without prefix": (add("data_bn.bias", 75), "1 not known:\n    data_bn.bias\n"),
        "graph elsewhere": (add("encoder_q_hand.A", 3, 25, 25), "1 not known:\n    encoder_q_hand.A\n"),
        "plain head": (add("encoder_q.fc.weight", 7, 16), "1 not known:\n    encoder_q.fc.weight"),
        "shape": (
            add("encoder_q.data_bn.bias", 76),
            "1 of another shape:\n    encoder_q.data_bn.bias (ours: encoder.input_norm.bias): (76,), expected (75,)",
        ),
        "kernel as head": (add("encoder_q.fc.0.weight", 16, 4, 2, 2), "(16, 4, 2, 2), expected (16, 16)"),
        "two places": (add("queue_ptr", 2), "queue_ptr (ours: queue.place): (2,), expected ()"),
        "a wide queue": (add("queue", 8, 4, 2), "queue (ours: queue.keys): (8, 4, 2), expected"),
    }
    return [pytest.param(*case, id=name) for name, case in cases.items()]


@pytest.mark.parametrize(("spoil", "message"), faults())
def test_names_and_shapes_are_strict(tmp_path: Path, spoil: Callable[[State], object], message: str) -> None:
    state = official_stgcn_state(networks_of("aimclr"))
    spoil(state)
    text = refusal(tmp_path, state, "aimclr-ntu60-xsub")
    assert "official.pt: not the weights of these networks:" in text
    assert message in text


def test_existing_run_stays(tmp_path: Path) -> None:
    state = official_stgcn_state(networks_of("aimclr"))
    there = imported(tmp_path, state, "aimclr-ntu60-xsub").run
    before = (there.path / "run.json").read_bytes()
    with pytest.raises(RunError, match=r"holds a run already; choose another --out$"):
        imported(tmp_path, state, "aimclr-ntu60-xview")
    assert (there.path / "run.json").read_bytes() == before


@pytest.mark.parametrize("change", [None, torch.tensor(1.0), torch.ones(2, 2, 2)], ids=["missing", "number", "cube"])
def test_every_fault_is_ours(tmp_path: Path, change: Tensor | None) -> None:
    """Each weight that tells a size, and some that do not: no refusal is anything but a typed error."""
    whole = official_stgcn_state(networks_of("skeletonclr"))
    for name in TELLING:
        state = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(KinemeError):
            imported(tmp_path, state if change is None else {**state, name: change}, "skeletonclr-ntu60-xsub")
    assert not (tmp_path / "run").exists()
