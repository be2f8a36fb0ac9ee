"""A compiled reader of ``.skeleton`` text: one pass over the bytes; see `kineme.datasets.ntu_format.FastReader`.

A double holds an integer of 15 digits exactly, and so every power of ten up to 22: their quotient is the nearest
double to what the text says. A file in which anything else is found is left to `read_vectorised`.

Importing this module loads numba. Its machine code is kept in numba's cache, so that only the first use compiles.
"""

import numpy as np
from numba import njit

from kineme.datasets.ntu_format import BODY_VALUES, JOINT_VALUES, Parsed
from kineme.datasets.ntu_vectorised import read_vectorised

_NEWLINE, _BLANK, _MINUS, _POINT, _ZERO, _NINE, _E = (ord(character) for character in "\n -.09E")
_POWERS = np.array([float(10**power) for power in range(23)])
_PADDING = b"\n" * 16
_MOST_DIGITS = 15
_MOST_ID_DIGITS = 18  # as many fit into an int64
_ODD = -1
# Words of 8 bytes, the first the lowest, are looked at as a whole.
_ONES, _TOPS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_ZEROS, _SIXES, _HIGH_HALVES = (np.uint64(byte * 0x0101010101010101) for byte in (0x30, 0x06, 0xF0))
_ONE, _SEVEN_BYTES = np.uint64(1), np.uint64(56)


def read_compiled(data: bytes, num_joints: int) -> Parsed:
    """See `kineme.datasets.ntu_format.FastReader`."""
    # No scan passes a newline, and none looks further ahead than these reach.
    length = len(data) + (not data.endswith(b"\n"))
    text = np.frombuffer(data + _PADDING, np.uint8)
    words = np.ndarray(len(text) - 7, "<u8", text, strides=(1,))  # the 8 bytes from every one on
    most = 1 + len(text) // (2 * (1 + BODY_VALUES + num_joints * JOINT_VALUES))
    frame, body = np.empty((2, most), np.int64)
    ids = np.empty((most, 3), np.int64)
    xyz = np.empty((most, num_joints, 3), np.float32)
    num_frames, num, num_bodies = _recording(text, words, length, frame, body, ids, xyz)
    if num == _ODD:
        return read_vectorised(data, num_joints)
    bodies = tuple(data[begin:end].decode() for begin, end, _ in ids[:num_bodies].tolist())
    return num_frames, bodies, frame[:num], body[:num], xyz[:num]


@njit(cache=True)
def _recording(
    text: np.ndarray,
    words: np.ndarray,
    length: int,
    frame: np.ndarray,
    body: np.ndarray,
    ids: np.ndarray,
    xyz: np.ndarray,
) -> tuple[int, int, int]:
    """Fill in the observations, and every body's id by its first byte, end and value.

    Returns:
        The number of frames; of observations, or _ODD; and of bodies.
    """
    num, num_known = 0, 0
    num_frames, at = _count(text, 0)
    for t in range(num_frames):
        num_bodies, at = _count(text, at)
        if num_bodies == _ODD or num + num_bodies > len(frame):
            return 0, _ODD, 0
        for i in range(num, num + num_bodies):
            frame[i] = t
            body[i], num_known, at = _id(text, at, ids, num_known)
            at = _body(text, words, at, xyz, i)
            if at == _ODD:
                return 0, _ODD, 0
        num += num_bodies
    return num_frames, num if at == length else _ODD, num_known


@njit(cache=True)
def _id(text: np.ndarray, at: int, ids: np.ndarray, num_known: int) -> tuple[int, int, int]:
    """Which body the id at a byte is; how many are known with it; and the byte after the blank after it, or _ODD."""
    value, end = _digits(text, at, 0)
    if not 0 < end - at <= _MOST_ID_DIGITS or text[end] != _BLANK:
        return 0, num_known, _ODD
    for body in range(num_known):
        if ids[body, 2] == value and ids[body, 1] - ids[body, 0] == end - at:
            return body, num_known, end + 1
    ids[num_known] = at, end, value
    return num_known, num_known + 1, end + 1


# Whole arrays and an index are passed on because slices of them cost time.
@njit(cache=True)
def _body(text: np.ndarray, words: np.ndarray, at: int, xyz: np.ndarray, i: int) -> int:
    """Read the body whose states begin at a byte, after its id, as observation i; the byte after it, or _ODD."""
    if at == _ODD:
        return _ODD
    at = _skip(text, words, at, BODY_VALUES - 1)
    if at == _ODD:
        return _ODD
    num_joints, at = _count(text, at)
    if num_joints != xyz.shape[1]:
        return _ODD
    for v in range(num_joints):
        for c in range(3):
            xyz[i, v, c], end = _plain_coordinate(text, words, at)
            if end == _ODD:
                xyz[i, v, c], end = _coordinate(text, at)
                if end == _ODD:
                    return _ODD
            at = end
        at = _skip(text, words, at, JOINT_VALUES - 3)
        if at == _ODD:
            return _ODD
    return at


@njit(cache=True)
def _count(text: np.ndarray, at: int) -> tuple[int, int]:
    """A line of one number of at most 9 digits, or _ODD; and the byte after it."""
    value, end = _digits(text, at, 0)
    return (value, end + 1) if 0 < end - at < 10 and text[end] == _NEWLINE else (_ODD, _ODD)


@njit(cache=True)
def _digits(text: np.ndarray, at: int, value: int) -> tuple[int, int]:
    """Append the digits from a byte on to a number, which has no meaning beyond 18; and the byte after them."""
    while _ZERO <= text[at] <= _NINE:
        digit = np.int64(text[at]) - _ZERO  # without int64 numba would go on in floats
        value = int(10 * value + digit)
        at += 1
    return value, at


@njit(cache=True)
def _plain_coordinate(text: np.ndarray, words: np.ndarray, at: int) -> tuple[float, int]:
    """What `_coordinate` reads, if it is a digit, a point and up to 8 digits, which are read all at once."""
    negative = text[at] == _MINUS
    at += negative
    whole = np.int64(text[at]) - _ZERO
    digits = words[at + 2] ^ _ZEROS
    others = (digits | (digits + _SIXES)) & _HIGH_HALVES
    # The lowest bit of the first byte that is no digit, less one, has a bit in every byte up to this one.
    places = np.int64((((others & (~others + _ONE)) - _ONE) & _ONES) * _ONES >> _SEVEN_BYTES) - 1 if others else 8
    end = at + 2 + places
    if not (0 <= whole <= 9 and text[at + 1] == _POINT and places and text[end] == _BLANK):
        return 0.0, _ODD
    digits <<= np.uint64(64 - 8 * places)
    # Neighbours join, the earlier one counting more: 8 digits to 4 numbers of two, 2 numbers of four, 1 of eight.
    digits = (digits * np.uint64(10) + (digits >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    digits = (digits * np.uint64(100) + (digits >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    digits = (digits * np.uint64(10000) + (digits >> np.uint64(32))) & np.uint64(0x00000000FFFFFFFF)
    value = (whole * _POWERS[places] + digits) / _POWERS[places]
    return (-value if negative else value), int(end + 1)


@njit(cache=True)
def _coordinate(text: np.ndarray, at: int) -> tuple[float, int]:
    """A number; and the byte after the blank after it, or _ODD."""
    negative = text[at] == _MINUS
    begin, places = at + 1 if negative else at, 0
    mantissa, at = _digits(text, begin, 0)
    if at > begin and text[at] == _POINT:
        point = at
        mantissa, at = _digits(text, point + 1, mantissa)
        places = at - point - 1
    if not 0 < at - begin <= _MOST_DIGITS:
        return 0.0, _ODD
    if text[at] == _E and text[at + 1] == _MINUS:
        exponent, end = _digits(text, at + 2, 0)
        places += exponent if end > at + 2 else len(_POWERS)
        at = end
    if text[at] != _BLANK or not 0 <= places < len(_POWERS):
        return 0.0, _ODD
    value = mantissa / _POWERS[places]
    return (-value if negative else value), at + 1


@njit(cache=True)
def _skip(text: np.ndarray, words: np.ndarray, at: int, num_values: int) -> int:
    """Pass values with a blank between each two and a newline after them; the byte after that, or _ODD.

    They are most of a file, and are passed a word at a time. Marks are in the top bits of bytes.
    """
    num_blanks, doubled, before = np.uint64(0), np.uint64(0), np.uint64(0x80)
    while True:
        blanks, control = _below(words[at], _BLANK + 1), _below(words[at], _BLANK)
        first = control & (~control + _ONE)
        blanks &= first - _ONE  # those before the first control character; all where there is none
        doubled |= blanks & (blanks << np.uint64(8) | before)
        num_blanks += (blanks >> np.uint64(7)) * _ONES >> _SEVEN_BYTES  # the sum of all bytes
        if control:
            break
        before = blanks >> _SEVEN_BYTES
        at += 8
    at_end = (blanks << np.uint64(8) | before) & first
    at += int(((first - _ONE) & _ONES) * _ONES >> _SEVEN_BYTES) - 1
    in_order = text[at] == _NEWLINE and num_blanks == num_values - 1 and not doubled | at_end
    return int(at + 1) if in_order else _ODD


@njit(cache=True)
def _below(word: np.uint64, limit: int) -> np.uint64:
    """The top bit of every byte of a word that is less than a number of at most 128."""
    return ~((word & ~_TOPS) + np.uint64(128 - limit) * _ONES | word) & _TOPS
