#!/usr/bin/env python3
"""Writes clr-corelib.maps: native-to-IL maps of precompiled methods of several .NET versions,
and what they say of some offsets, by a reader that shares nothing with ours.
Usage: clr_corelib.py VERSION=System.Private.CoreLib.dll... >clr-corelib.maps
Per line: version, map as the agent copies it, native offset, IL offset (16777215: exit)."""
import random
import struct
import sys


class Image:
    def __init__(self, path):
        self.d = d = open(path, "rb").read()
        pe = struct.unpack_from("<I", d, 0x3C)[0]
        optional = struct.unpack_from("<H", d, pe + 20)[0]
        self.sections = [
            struct.unpack_from("<IIII", d, pe + 24 + optional + 40 * i + 8)
            for i in range(struct.unpack_from("<H", d, pe + 6)[0])
        ]
        wide = struct.unpack_from("<H", d, pe + 24)[0] == 0x20B
        cli = struct.unpack_from("<I", d, pe + 24 + (112 if wide else 96) + 14 * 8)[0]
        header = self.offset(struct.unpack_from("<I", d, self.offset(cli) + 64)[0])
        self.parts = {}
        for i in range(struct.unpack_from("<I", d, header + 12)[0]):
            kind, rva, size = struct.unpack_from("<III", d, header + 16 + 12 * i)
            self.parts[kind] = (self.offset(rva), size)
        self.major = struct.unpack_from("<H", d, header + 4)[0]

    def offset(self, rva):
        return next(raw + rva - at for _, at, size, raw in self.sections if at <= rva < at + size)

    def varuint(self, at):
        b = self.d[at]
        n = next(i for i in range(1, 6) if i == 5 or not b >> (i - 1) & 1)
        if n == 5:
            return struct.unpack_from("<I", self.d, at + 1)[0], at + 5
        return int.from_bytes(self.d[at : at + n], "little") >> n, at + n

    def element(self, array, index):
        header, base = self.varuint(array)
        width = 1 << (header & 3)
        if index >= header >> 2:
            return None
        at = base + index // 16 * width
        at = base + int.from_bytes(self.d[at : at + width], "little")
        for bit in (8, 4, 2, 1):
            v, after = self.varuint(at)
            if index & bit and v & 2:
                at += v >> 2
            elif not index & bit and v & 1:
                at = after
            else:
                return after if v & 3 == 0 and v >> 2 == index & 15 else None
        return at

    def maps(self):
        """(size of the code, whole map, its bounds) of every method."""
        functions, size = self.parts[102]
        for i in range(size // 12):
            at = self.element(self.parts[105][0], i)
            if at is None:
                continue
            back, blob = self.varuint(at)
            if back:
                blob = at - back
            numbers = Nibbles(self.d[blob : blob + 32])
            bounds = numbers.number()
            numbers.number()
            start = blob + numbers.bytes()
            begin, end = struct.unpack_from("<II", self.d, functions + 12 * i)
            yield end - begin, self.d[blob : start + bounds], self.d[start : start + bounds]


class Nibbles:
    def __init__(self, data):
        self.all = [n for b in data for n in (b & 15, b >> 4)]
        self.at = 0

    def number(self):
        v = 0
        while True:
            n = self.all[self.at]
            self.at += 1
            v = v << 3 | n & 7
            if not n & 8:
                return v

    def bytes(self):
        return (self.at + 1) // 2


def entries(bounds, packed):
    n = Nibbles(bounds)
    count, native = n.number(), 0
    if not packed:
        for _ in range(count):
            native += n.number()
            yield native, n.number() - 3
            n.number()
        return
    native_bits, il_bits = n.number() + 1, n.number() + 1
    rest = int.from_bytes(bounds[n.bytes() :], "little")
    for _ in range(count):
        native += rest >> 2 & (1 << native_bits) - 1
        yield native, (rest >> 2 + native_bits & (1 << il_bits) - 1) - 3
        rest >>= 2 + native_bits + il_bits


def il_at(all_entries, offset):
    best = (0, 0)
    for native, il in all_entries:
        if native <= offset and il not in (-1, -2) and not (il == -3 and best == (native, best[1])):
            best = (native, il)
    return 0xFFFFFF if best[1] == -3 else best[1]


random.seed(4)
for argument in sys.argv[1:]:
    version, path = argument.split("=", 1)
    image = Image(path)
    small = [m for m in image.maps() if m[0] > 1 and len(m[1]) < 80]
    for size, whole, bounds in random.sample(small, 40):
        known = list(entries(bounds, image.major >= 16))
        for offset in sorted({0, size // 3, size // 2, size - 1}):
            print(version, "02" + whole.hex(), offset, il_at(known, offset))
