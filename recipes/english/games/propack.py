"""Rob Northen's ProPack, method 1: runs of plain bytes and copies of what came before, their sizes in Huffman codes."""

from __future__ import annotations

import struct

SIGNATURE = b"RNC\x01"
HEADER = struct.Struct(">4sIIHHBB")
"""Signature, size of the contents, size when packed, two checksums, bytes of margin, and how many blocks there are."""

Codes = dict[tuple[int, int], int]
"""A value by the size of its code in bits and the code."""


def unpack(data: bytes) -> bytes:
    """The contents of packed data.

    Raises:
        ValueError: it is not packed so, cut short, or of another size; what else is damaged is not noticed.
    """
    if len(data) < HEADER.size or not data.startswith(SIGNATURE):
        raise ValueError("not packed by ProPack")
    _, size, _, _, _, _, blocks = HEADER.unpack_from(data)
    packed, contents = _Packed(data, HEADER.size), bytearray()
    packed.bits(2)  # whether it is locked, and whether it needs a key
    for _ in range(blocks):
        runs, distances, lengths = packed.codes(), packed.codes(), packed.codes()
        for left in range(packed.bits(16) - 1, -1, -1):
            contents += packed.bytes(packed.value(runs))
            if left:
                distance, length = packed.value(distances) + 1, packed.value(lengths) + 2
                copied = contents[-distance:][:length]  # may be shorter than what it repeats to
                contents += (copied * (length // max(1, len(copied)) + 1))[:length]
    if len(contents) != size:
        raise ValueError(f"{len(contents)} bytes where {size} were packed")
    return bytes(contents)


class _Packed:
    """Bits, lowest first, out of words of two bytes, between which plain bytes may stand."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.word = 0
        self.left = 0

    def bits(self, count: int) -> int:
        while self.left < count:
            self.word |= int.from_bytes(self.bytes(2), "little") << self.left
            self.left += 16
        value = self.word & ((1 << count) - 1)
        self.word >>= count
        self.left -= count
        return value

    def bytes(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.data) + 1:  # the last word may lack a byte
            raise ValueError("cut short")
        return self.data[self.at - count : self.at]

    def codes(self) -> Codes:
        """A table of canonical Huffman codes, told by their sizes."""
        sizes = [self.bits(4) for _ in range(self.bits(5))]
        codes: Codes = {}
        code = 0
        for size in range(1, 16):
            code <<= 1
            for value, its_size in enumerate(sizes):
                if its_size == size:
                    codes[size, code] = value
                    code += 1
        return codes

    def value(self, codes: Codes) -> int:
        """A number: the code tells how many bits it has below its highest."""
        code = 0
        for size in range(1, 16):
            code = code << 1 | self.bits(1)
            if (size, code) in codes:
                bits = codes[size, code]
                return bits if bits < 2 else 1 << bits - 1 | self.bits(bits - 1)
        raise ValueError("no such code")
