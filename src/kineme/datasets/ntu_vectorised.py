"""A reader of ``.skeleton`` text in plain NumPy: all numbers at once; see `kineme.datasets.ntu_format.FastReader`."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kineme.datasets.ntu_format import BODY_VALUES, FLOAT32_MAX, JOINT_VALUES, Parsed, as_recording


def read_vectorised(data: bytes, num_joints: int) -> Parsed:
    """Find the ends of all values, then convert the coordinates all at once; see `FastReader`."""
    data = data if data.endswith(b"\n") else data + b"\n"
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text <= ord(" "))
    if np.diff(ends).min(initial=2) < 2:
        raise ValueError("no value between two blanks")
    num_frames, frames, starts = _locate(data, ends, num_joints)
    # By twelves: the end of the line above, of the body's ten values and of the number of joints; then of each joint's.
    size = (1 + num_joints) * JOINT_VALUES
    lines = sliding_window_view(ends, size)[starts]
    blanks = np.full((1 + num_joints, JOINT_VALUES), ord(" "), np.uint8)
    blanks[:, -1] = blanks[0, [0, BODY_VALUES]] = ord("\n")
    ids = [data[begin + 1 : end] for begin, end in lines[:, :2].tolist()]
    counts = {data[begin + 1 : end] for begin, end in lines[:, BODY_VALUES : BODY_VALUES + 2].tolist()}
    in_order = (sliding_window_view(text[ends], size)[starts] == blanks.ravel()).all()
    if not in_order or counts != {b"%d" % num_joints} or not b"".join(ids).isdigit():
        raise ValueError("not a body")
    begin = lines[:, JOINT_VALUES - 1 : -1].reshape(-1, JOINT_VALUES)[:, :3].ravel() + 1
    end = lines[:, JOINT_VALUES:].reshape(-1, JOINT_VALUES)[:, :3].ravel()
    xyz = _numbers(data, begin, end).reshape(-1, num_joints, 3)
    return num_frames, *as_recording(ids, frames), xyz


def _locate(data: bytes, ends: np.ndarray, num_joints: int) -> tuple[int, list[int], np.ndarray]:
    """Number of frames; and of every body its frame, and which of all ``ends`` is that of the line above it."""
    num_frames = _to_count(data[: ends[0] + 1])
    body_values = 1 + BODY_VALUES + num_joints * JOINT_VALUES
    frames: list[int] = []
    starts: list[int] = []
    at = 0
    for frame in range(num_frames):
        num_bodies = _to_count(data[ends[at] + 1 : ends[at + 1] + 1])
        at += 1
        frames += [frame] * num_bodies
        starts += range(at, at + num_bodies * body_values, body_values)
        at += num_bodies * body_values
    if at != len(ends) - 1:
        raise ValueError("not the end of the file")
    return num_frames, frames, np.array(starts)


def _to_count(line: bytes) -> int:
    if not (line.endswith(b"\n") and line[:-1].isdigit() and len(line) < 6):
        raise ValueError("not a count")
    return int(line)


_MOST_PLACES = 8
_POWERS = 10.0 ** np.arange(1 + _MOST_PLACES)
_ASCII_ZEROS = np.uint64(0x3030303030303030)
_LAST_BYTES = np.array([0] + [2**64 - 2 ** (64 - 8 * n) for n in range(1, 9)], np.uint64)


def _numbers(data: bytes, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(N,) float32 of the numbers in ``data[begin:end]``: each the nearest double, and the nearest float32 of that.

    Nearly all are a digit, a point and up to 8 more digits: two integers below 2^53 and a power of ten, whose
    quotient is the nearest double. Python reads the others.
    """
    text = np.frombuffer(data, np.uint8)
    places = (sliding_window_view(text, 1 + _MOST_PLACES)[end - 1 - _MOST_PLACES][:, ::-1] == ord(".")).argmax(axis=1)
    negative = text[begin] == ord("-")
    whole = text[end - places - 2] - np.uint8(ord("0"))
    fraction, digits_only = _fractions(data, end, places)
    scale = _POWERS[places]
    numbers = (whole * scale + fraction) / scale
    np.negative(numbers, where=negative, out=numbers)
    plain = digits_only & (places > 0) & (whole < 10) & (end - begin == negative + places + 2)
    odd = np.flatnonzero(~plain)
    numbers[odd] = [float(data[i:j]) for i, j in zip(begin[odd].tolist(), end[odd].tolist(), strict=True)]
    if not np.abs(numbers).max() <= FLOAT32_MAX:
        raise ValueError("NaN or infinity")
    return numbers.astype(np.float32)


def _fractions(data: bytes, end: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last ``places`` characters before ``end`` as an integer; and whether all of them are digits."""
    words = np.ndarray(len(data) - 7, "<u8", data, strides=(1,))
    digits = (words[end - 8] ^ _ASCII_ZEROS) & _LAST_BYTES[places]
    digits_only = ((digits | (digits + np.uint64(0x0606060606060606))) & np.uint64(0xF0F0F0F0F0F0F0F0)) == 0
    # Neighbours join, the earlier one counting more: 8 digits to 4 numbers of two, 2 numbers of four, 1 of eight.
    for bits, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
        earlier = digits * np.uint64(10 ** (bits // 8))
        digits = (earlier + (digits >> np.uint64(bits))) & np.uint64(mask)
    return digits, digits_only
