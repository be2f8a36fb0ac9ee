"""CSV files as columns: text is read once, whole columns become numbers."""

import csv
import io
from dataclasses import dataclass

import numpy as np

from kineme.datasets.raw_files import RawFile
from kineme.errors import SourceError
from kineme.importers.words import to_numbers

_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Sheet:
    """Cells of a CSV file below its header.

    Args:
        file: the file, for messages.
        columns: names in the header.
        cells: (R, columns) text.
        lines: R line numbers, from 1.
    """

    file: RawFile
    columns: list[str]
    cells: np.ndarray
    lines: list[int]

    def text(self, column: str) -> np.ndarray:
        """(R,) cells of a column."""
        return self.cells[:, self.columns.index(column)].astype(str)

    def numbers(self, columns: list[str]) -> np.ndarray:
        """(R, columns) float64, NaN where a cell is empty or "nan"; every other value fits into float32.

        Raises:
            SourceError: the first cell with anything else.
        """
        cells = self.cells[:, [self.columns.index(column) for column in columns]]
        empty = (cells == "") | (cells == "nan") | (cells == "NaN")
        numbers = to_numbers(np.where(empty, "nan", cells).ravel().tolist()).reshape(cells.shape)
        wrong = ~empty & ~(np.abs(numbers) <= _FLOAT32_MAX)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            problem = f"expected a number as {columns[column]}, found {cells[row, column]!r:.40}"
            raise SourceError(self.file, problem, line=self.lines[row], fix="correct it, or leave the cell empty")
        return numbers

    def whole(self, column: str) -> np.ndarray:
        """(R,) int64 of a column without empty cells.

        Raises:
            SourceError: the first cell that is no whole number.
        """
        numbers = self.numbers([column])[:, 0]
        fine = (np.abs(numbers) < 1e9) & (np.round(numbers) == numbers)
        if not fine.all():
            row = int(fine.argmin())
            problem = f"expected a whole number as {column}, found {str(self.text(column)[row])!r:.40}"
            raise SourceError(self.file, problem, line=self.lines[row])
        return numbers.astype(np.int64)


def read_sheet(file: RawFile) -> Sheet:
    """A CSV file with a header and at least one row.

    Raises:
        SourceError: not such a file; names the line.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(file, f"not text in UTF-8 ({error})", fix="save it as CSV in UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise SourceError(file, f"not CSV ({error})", line=reader.line_num) from error
    if len(rows) < 2:
        raise SourceError(file, "no rows", fix="expected a header and a row of values for each frame")
    columns = [name.strip() for name in rows[0][1]]
    if repeated := [name for name in columns if columns.count(name) > 1]:
        raise SourceError(file, f"column {repeated[0]!r} occurs twice", line=1, fix="rename or remove one")
    for line, row in rows:
        if len(row) != len(columns):
            problem = f"expected {len(columns)} cells as in the header, found {len(row)}"
            raise SourceError(file, problem, line=line, fix="cells are parted by commas; quote those with commas")
    return Sheet(file, columns, np.array([row for _, row in rows[1:]], object), [line for line, _ in rows[1:]])
