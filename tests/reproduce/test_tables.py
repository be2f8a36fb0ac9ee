"""Tables: every one can be made, what is asked of it exists, and stores that are missing are named."""

from pathlib import Path

import pytest

from kineme.errors import StoreError, UnknownNameError
from kineme.evaluate import classifier
from kineme.evaluate.protocols import protocols
from kineme.methods import ClassifierConfig, methods
from kineme.recipes.small import SMALL_DATA
from kineme.reproduce.experiments import FUSED, FUSION, Experiment, is_tuning
from kineme.reproduce.tables import ABLATIONS, PARTS, SMALL, Table, get_table, table_names
from kineme.splits import SPLITS

STORES = Path("stores")


@pytest.fixture(params=table_names())
def table(request: pytest.FixtureRequest) -> Table:
    return get_table(request.param, STORES)


def test_every_row_can_be_measured(table: Table) -> None:
    assert table.rows
    for row in table.rows:
        for experiment in row.experiments:
            assert experiment.config.split in SPLITS
            learns_classes = isinstance(experiment.config.method, ClassifierConfig)
            for protocol in row.protocols:
                kind = protocol.removeprefix(FUSED).removeprefix(FUSION)
                assert is_tuning(kind) or kind == classifier.NAME or kind in protocols.names()
                assert kind != classifier.NAME or learns_classes


def test_experiments_have_folders_of_their_own(table: Table) -> None:
    experiments = [experiment for row in table.rows for experiment in row.experiments]
    assert len({experiment.name for experiment in experiments}) == len(experiments)


def test_published_numbers_are_measured(table: Table) -> None:
    for row in table.rows:
        assert {number.protocol for number in row.published} <= set(row.protocols)


def test_small_has_every_method_on_every_dataset() -> None:
    table = get_table(SMALL, STORES)
    assert {row.data for row in table.rows} == {data.name for data in SMALL_DATA}
    for data in SMALL_DATA:
        rows = [row for row in table.rows if row.data == data.name]
        found = {row.experiments[0].config.method.name for row in rows}
        assert found == set(methods.names()) - {"actclr_paper"}  # a second reading of ActCLR, for NTU RGB+D alone
        assert all(tuple(each.config.split for each in row.experiments) == data.splits for row in rows)
        assert {each.store for row in rows for each in row.experiments} == {STORES / f"{data.store}.store"}


def source_of(experiment: Experiment) -> Experiment:
    assert experiment.source is not None
    return experiment.source


def test_folds_have_sources_of_their_own() -> None:
    (row,) = get_table(SMALL, STORES).only(["actclr-sbu"], []).rows
    assert [source_of(each).config.split for each in row.experiments] == [f"sbu-fold{fold}" for fold in range(1, 6)]
    assert len({source_of(each).name for each in row.experiments}) == 5


def test_transfer_starts_from_another_dataset() -> None:
    (row,) = get_table("mamp", STORES).only(["mamp-ntu60-xsub-to-pku2-xsub"], []).rows
    assert row.experiments[0].store == STORES / "pku2.store"
    assert source_of(row.experiments[0]).store == STORES / "ntu60.store"


def test_every_part_changes_something() -> None:
    table = get_table(ABLATIONS, STORES)
    assert len(table.rows) == sum(1 + len(parts) for parts in PARTS.values())
    configs = [row.experiments[0].config.model_dump_json() for row in table.rows]
    assert len(set(configs)) == len(configs)


def test_selection() -> None:
    table = get_table(SMALL, STORES).only(["mamp-*", "danet-nucla"], ["linear", "classify"])
    assert {row.name for row in table.rows} == {*(f"mamp-{data.name}" for data in SMALL_DATA), "danet-nucla"}
    assert {row.protocols for row in table.rows} == {("linear",), ("classify",)}
    for names, wanted in ((["mmap-*"], []), ([], ["lineal"])):
        with pytest.raises(UnknownNameError):
            get_table(SMALL, STORES).only(names, wanted)
    with pytest.raises(UnknownNameError, match="small"):
        get_table("smal", STORES)


def test_precision_is_that_of_sources_too() -> None:
    (row,) = get_table(SMALL, STORES).only(["actclr-nucla"], []).at_precision("bf16-mixed").rows
    (experiment,) = row.experiments
    assert experiment.config.train.precision == source_of(experiment).config.train.precision == "bf16-mixed"


def test_missing_stores_are_named_with_what_makes_them(tmp_path: Path) -> None:
    (tmp_path / "pku2.store").mkdir()
    table = get_table("mamp", tmp_path).only(["mamp-ntu60-xsub-to-pku2-xsub"], [])
    with pytest.raises(StoreError, match=r"kineme data prepare ntu60 RAW_FOLDER --out .*ntu60\.store") as error:
        table.require_stores()
    assert "pku2" not in str(error.value)
