import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kineme.datasets.base import SourceWarning
from kineme.datasets.pku_format import parse_labels, parse_skeletons
from kineme.errors import SourceError
from pku_files import bodies, label_text, skeleton_text

TEXT = skeleton_text(bodies(3, second=slice(1, 3)))


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT + "\n\n",
        TEXT.replace(" ", "  "),
        TEXT.replace("0.000000", "0"),
        TEXT.replace("0.000000", "-0.000000"),
    ],
)
def test_any_way_to_write_the_numbers(text: str) -> None:
    expected = np.array([line.split() for line in text.splitlines() if line], np.float64).astype(np.float32)
    assert parse_skeletons("x", text.encode(), 25).tobytes() == expected.tobytes()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=150, max_size=150))
def test_numbers_are_the_nearest_ones(millionths: list[int]) -> None:
    texts = [f"{'-' * (value < 0)}{abs(value) // 10**6}.{abs(value) % 10**6:06d}" for value in millionths]
    expected = np.array([float(text) for text in texts], np.float64).astype(np.float32)
    assert parse_skeletons("x", (" ".join(texts) + "\n").encode(), 25).tobytes() == expected.tobytes()


def with_number(text: str) -> str:
    """A good file but for the second number of its second line."""
    lines = [line.split() for line in TEXT.splitlines()]
    lines[1][1] = text
    return "\n".join(" ".join(line) for line in lines) + "\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        (" \r\n", "the file is empty"),
        (with_number(""), ":2: expected 150 numbers, found 149 values"),
        (with_number("1.000000 2.000000"), ":2: expected 150 numbers.* found 151"),
        (TEXT.replace("\n", " 1.000000\n", 1).replace("\n0", "\n", 1), ":1: expected 150 numbers.* found 151"),
        (TEXT.replace("\n", "\n\n", 1), ":2: expected 150 numbers.* found 0"),
        (with_number("nan"), ":2: expected 150 finite numbers, found 'nan'"),
        (with_number("inf"), ":2: expected 150 finite numbers, found 'inf'"),
        (with_number("1e39"), ":2: expected 150 finite numbers, found '1e39'"),
        (with_number("0.12x456"), ":2: expected 150 finite numbers, found '0.12x456'"),
        (with_number("x.123456"), ":2: expected 150 finite numbers, found 'x.123456'"),
        (with_number("0-1.123456"), ":2: expected 150 finite numbers, found '0-1.123456'"),
        (with_number("1" * 40 + ".000000"), ":2: expected 150 finite numbers, found '1111"),
        (with_number("é.123456"), ":2: expected 150 finite numbers"),
    ],
)
def test_mistakes_in_skeletons(text: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        parse_skeletons("file.txt", text.encode(), 25)


@pytest.mark.parametrize(
    "line",
    [
        "1,2,3",
        "1,2,3,4,5",
        "1,2.5,3,1",
        "1,-2,3,1",
        "a,2,3,1",
        "1,2,3,",
        "",
        "1 2 3 1",
        "1,2,3,١",
        f"{'9' * 5000},1,1,1",
    ],
)
def test_mistakes_in_labels(line: str) -> None:
    with pytest.raises(SourceError, match=r"file\.txt:2: expected label,start,end,confidence as four whole numbers"):
        parse_labels("file.txt", f"1,2,3,1\n{line}\n1,2,3,1\n".encode(), 51)


@pytest.mark.parametrize("label", [0, 52])
def test_label_without_a_class(label: int) -> None:
    with pytest.raises(SourceError, match=f":1: label {label} is out of range, there are 1 to 51"):
        parse_labels("file.txt", label_text([(label, 1, 2)]).encode(), 51)


@pytest.mark.parametrize("text", [TEXT.rstrip("\n"), TEXT[:-3]])
def test_last_line_without_an_end_is_read_with_a_warning(text: str) -> None:
    with pytest.warns(SourceWarning, match="may have been cut"):
        assert parse_skeletons("x", text.encode(), 25).shape == (3, 2, 25, 3)


@settings(deadline=None, max_examples=40)
@pytest.mark.filterwarnings("ignore::kineme.datasets.base.SourceWarning")
@given(st.integers(0, len(TEXT) - 1), st.integers(0, len(label_text([(1, 1, 3), (51, 2, 2)]))))
def test_cut_files_are_our_error_or_a_part(cut: int, label_cut: int) -> None:
    rows = label_text([(1, 1, 3), (51, 2, 2)])
    whole = parse_skeletons("x", TEXT.encode(), 25)
    try:
        part = parse_skeletons("x", TEXT[:cut].encode(), 25)
        labels = parse_labels("x", rows[:label_cut].encode(), 51)
    except SourceError:
        return
    # Where the last number or row is what was cut, what is left may be a number or a row, too.
    np.testing.assert_array_equal(part.ravel()[:-1], whole.ravel()[: part.size - 1])
    assert labels == parse_labels("x", rows.encode(), 51)[: len(labels)]
