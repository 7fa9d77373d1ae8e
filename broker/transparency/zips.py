"""A zip in one writing only: whatever bit of one is changed, it is refused, or another content comes out.

Members are stored, not compressed: one content can be compressed in many ways, and a reader of stored bytes cannot be made
to unpack without end. Everything else in the file follows from names, sizes and checksums, and is compared with that.
It is written from beginning to end, so that it can leave while it is made: sizes stand after a content and in the directory.

Source: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.9 (data descriptor), 4.3.12 (directory) and 4.3.16 (end);
without zip64.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from broker.errors import Conflict, Words

MAGIC = b"PK\x03\x04"
LARGEST = 0xFFFFFFFE
"""Bytes at most of a whole file: what such a zip can count."""

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")
_AFTER = struct.Struct("<4sIII")
_END = struct.Struct("<4sHHHHIIH")
_NEEDED, _MADE_BY, _SIZES_FOLLOW, _DATE, _MODE = 20, 0x0314, 0x0008, 0x0021, 0o100600 << 16
"""Version 2.0; by Unix; 1 January 1980, since the time of a member says nothing; a file for its owner only."""
_LONGEST_NAME = 64
_PIECE = 1 << 16
_TOO_LARGE = Words(
    "Deze bundel wordt te groot. Kies een kortere tijd.",
    "This bundle becomes too large. Choose a shorter time.",
)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a zip: its content begins after its header, which begins at `offset`."""

    name: str
    offset: int
    size: int
    crc: int

    @property
    def start(self) -> int:
        """Where its content begins."""
        return self.offset + _LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + self.size + _AFTER.size

    def header(self) -> bytes:
        """What stands before its content."""
        fixed = _LOCAL.pack(MAGIC, _NEEDED, _SIZES_FOLLOW, 0, 0, _DATE, 0, 0, 0, len(self.name), 0)
        return fixed + self.name.encode("ascii")

    def after(self) -> bytes:
        """What stands after its content."""
        return _AFTER.pack(b"PK\x07\x08", self.crc, self.size, self.size)

    def listed(self) -> bytes:
        """What stands in the directory."""
        sizes, name = (self.crc, self.size, self.size), self.name.encode("ascii")
        about = (_MADE_BY, _NEEDED, _SIZES_FOLLOW, 0, 0, _DATE, *sizes, len(name), 0, 0, 0, 0, _MODE, self.offset)
        return _ENTRY.pack(b"PK\x01\x02", *about) + name


def _directory(members: list[Member], at: int) -> bytes:
    listed = b"".join(member.listed() for member in members)
    return listed + _END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(listed), at, 0)


class Packing:
    """Makes one; each piece goes to `write` as soon as it is known. Raises Conflict when it becomes too large."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._members: list[Member] = []
        self._at = 0

    def begin(self, name: str) -> None:
        """A new member. Its content follows by `write`, its end by `end`."""
        self._open = Member(name, self._at, 0, 0)
        self._put(self._open.header())

    def write(self, data: bytes) -> None:
        """More of the member's content."""
        now = self._open
        self._open = Member(now.name, now.offset, now.size + len(data), zlib.crc32(data, now.crc))
        self._put(data)

    def end(self) -> None:
        """The member is whole."""
        self._put(self._open.after())
        self._members.append(self._open)

    def add(self, name: str, data: bytes) -> None:
        """A whole member."""
        self.begin(name)
        self.write(data)
        self.end()

    def close(self) -> None:
        """Write the directory."""
        self._put(_directory(self._members, self._at))

    def _put(self, data: bytes) -> None:
        self._at += len(data)
        if self._at > LARGEST:
            raise Conflict(_TOO_LARGE)
        self._write(data)


class Unpacking:
    """Reads one, strictly. Raises ValueError for every file that `Packing` would not have written with that content."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        """`most` members at most; their contents are compared with their checksums when they are read."""
        self._file = file
        self.members: dict[str, Member] = {}
        listed = self._listed(most)
        while listed:
            listed = self._next(listed)
        at = 0
        for member in self.members.values():
            if member.offset != at or self._read(at, len(member.header())) != member.header():
                raise ValueError("another header")
            at = member.end
            if self._read(at - _AFTER.size, _AFTER.size) != member.after():
                raise ValueError("another ending of a content")
        wanted = _directory(list(self.members.values()), at)
        if self._read(at, len(wanted) + 1) != wanted:
            raise ValueError("another directory")

    def _listed(self, most: int) -> bytes:
        """The directory's members, as they stand there."""
        end = self._file.seek(0, os.SEEK_END)
        raw = self._read(max(end - _END.size, 0), _END.size)
        if len(raw) < _END.size:
            raise ValueError("no end")
        _, _, _, count, _, size, at, _ = _END.unpack(raw)
        if count > most or size > most * (_ENTRY.size + _LONGEST_NAME) or at + size + _END.size != end:
            raise ValueError("another end")
        return self._read(at, size)

    def _next(self, listed: bytes) -> bytes:
        """Take the first of these members; returns the others."""
        if len(listed) < _ENTRY.size:
            raise ValueError("a member is cut")
        *_, crc, size, _, length, _, _, _, _, _, offset = _ENTRY.unpack_from(listed)
        rest = listed[_ENTRY.size + length :]
        name = listed[_ENTRY.size : _ENTRY.size + length].decode("ascii")
        if name in self.members:
            raise ValueError("a name comes twice")
        self.members[name] = Member(name, offset, size, crc)
        return rest

    def _read(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content, piece by piece. Raises KeyError for a name that is not there, ValueError after another content."""
        member, crc = self.members[name], 0
        for done in range(0, member.size, _PIECE):
            self._file.seek(member.start + done)
            data = self._file.read(min(_PIECE, member.size - done))
            crc = zlib.crc32(data, crc)
            yield data
        if crc != member.crc:
            raise ValueError("another checksum")

    def lines(self, name: str, longest: int) -> Iterator[bytes]:
        """The content line by line, without the newlines. Raises ValueError for a longer line, or a last one that is cut."""
        rest = b""
        for data in self.pieces(name):
            *whole, rest = (rest + data).split(b"\n")
            if len(rest) >= longest or any(len(line) >= longest for line in whole):
                raise ValueError("a line too long")
            yield from whole
        if rest:
            raise ValueError("the last line is cut")
