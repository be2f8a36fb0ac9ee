"""``kineme published``: the ledger, filtered."""

from command_line import refuse, succeed


def test_one_method_on_one_split() -> None:
    shown = succeed("published", "mamp", "--split", "ntu60-xsub", "--protocol", "linear")
    better, other = (line for line in shown.splitlines() if line.startswith("mamp"))
    assert "85.0" in better
    assert "read" in better
    assert "84.9" in other
    assert "quoted" in other
    assert "[1] README of MAMP's released weights" in shown


def test_all_of_a_split() -> None:
    shown = succeed("published", "--split", "nucla-xview")
    assert "SOfA" in shown
    assert "ntu60" not in shown


def test_remarks() -> None:
    assert "ntu120" in succeed("published", "mamp", "--split", "pku2-xsub", "--protocol", "finetune")


def test_unknown_names() -> None:
    assert "unknown method among published numbers 'manp'; perhaps you meant mamp" in refuse("published", "manp")
    assert "unknown split among published numbers 'ntu60'" in refuse("published", "--split", "ntu60")
    assert "unknown protocol among published numbers 'knnn'" in refuse("published", "--protocol", "knnn")
