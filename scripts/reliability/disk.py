"""What a disk may hold after a power loss, at every moment of a program's writing.

As in ALICE (Pillai et al., OSDI 2014) and SQLite's tests: a file that was not flushed may have lost
what was written into it, or hold a part of it, or zeros; a name that was made, moved or removed may
not be so on disk before its folder was flushed, and of two such changes the second may be there
without the first. Renaming is atomic.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

ROOT = Path()
"""Paths are relative to the folder that is watched."""

_FOLDER = 0  # what a folder's name refers to; files count from 1

State = dict[Path, bytes]
"""The content of each file."""


class Write(NamedTuple):
    """A file has this content from now on."""

    file: int
    content: bytes


class NameChange(NamedTuple):
    """Names in a folder refer to these files from now on, None: to none; all at once."""

    folder: Path
    names: dict[Path, int | None]


class Flush(NamedTuple):
    """What was written into a file, or a folder's names, are on disk from now on.

    Attributes:
        target: a file, or a folder.
        site: the function that asked for it.
    """

    target: int | Path
    site: str


class Promise(NamedTuple):
    """From now on somebody relies on this."""

    content: Any


Operation = Write | NameChange | Flush | Promise


class Trace:
    """What a program does to the files below a folder, in order.

    Writing is noticed by looking at the files before each call that flushes or names one.

    Attributes:
        before: what was there, all of it flushed.
        operations: what was done.

    Args:
        root: the folder.
        ignored: names of files that nothing rests on.
    """

    def __init__(self, root: Path, ignored: Iterable[str]) -> None:
        self.operations: list[Operation] = []
        self._root = root
        self._ignored = frozenset(ignored)
        self._files: dict[int, int] = {}  # by inode; the system uses a free one again
        self._count = _FOLDER
        self._names: dict[Path, int] = {}
        self._contents: dict[int, bytes] = {}
        self._look()
        self.before = Disk(dict(self._names), dict(self._contents))
        self.operations.clear()

    @contextmanager
    def record(self) -> Iterator[None]:
        """Note what this process does during the block."""
        with ExitStack() as patches:
            for name in ("replace", "rename", "unlink", "remove", "mkdir"):
                function = self._naming(getattr(os, name))
                patches.enter_context(patch.object(os, name, function))
            patches.enter_context(patch.object(os, "fsync", self._flushing(os.fsync)))
            yield

    def promise(self, content: Any) -> None:
        """Note that somebody relies on something."""
        self._look()
        self.operations.append(Promise(content))

    def _naming(self, function: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any, **options: Any) -> None:
            self._look()
            function(*arguments, **options)
            self._look(at_once=True)

        return call

    def _flushing(self, function: Callable[[int], None]) -> Callable[[int], None]:
        def call(descriptor: int) -> None:
            self._look()
            function(descriptor)
            inode = os.fstat(descriptor).st_ino
            folders = [name for name in self._names if self._names[name] == _FOLDER]
            for folder in (ROOT, *folders):
                if (self._root / folder).stat().st_ino == inode:
                    self.operations.append(Flush(folder, _site()))
            if inode in self._files:
                self.operations.append(Flush(self._files[inode], _site()))

        return call

    def _look(self, at_once: bool = False) -> None:
        names: dict[Path, int] = {}
        files: dict[int, int] = {}
        for path in sorted(self._root.rglob("*")):
            if path.name in self._ignored:
                continue
            name = path.relative_to(self._root)
            if path.is_dir():
                names[name] = _FOLDER
                continue
            inode = path.stat().st_ino
            if inode not in self._files:
                self._count += 1
            names[name] = files[inode] = self._files.get(inode, self._count)
        changes: dict[Path, int | None] = {
            name: names.get(name)
            for name in sorted(self._names.keys() | names.keys())
            if names.get(name) != self._names.get(name)
        }
        groups = [changes] if at_once and changes else [{n: f} for n, f in changes.items()]
        self.operations += [NameChange(next(iter(group)).parent, group) for group in groups]
        for name, file in names.items():
            content = b"" if file == _FOLDER else (self._root / name).read_bytes()
            if content != self._contents.get(file, b""):
                self.operations.append(Write(file, content))
                self._contents[file] = content
        self._names, self._files = names, files


def _site() -> str:
    """The function that flushes; of `flush_folder`, who called it."""
    frame = sys._getframe(2)
    caller = frame.f_back
    if frame.f_code.co_name == "flush_folder" and caller is not None:
        return f"{caller.f_code.co_qualname}, its folder"
    return frame.f_code.co_qualname


class Disk:
    """What is on disk for sure, and what may be there.

    Args:
        names: the file that each name refers to.
        contents: of the files.
    """

    def __init__(self, names: dict[Path, int], contents: dict[int, bytes]) -> None:
        self._names = names
        self._contents = contents
        self._changes: list[NameChange] = []
        self._writes: dict[int, bytes] = {}

    def copy(self) -> "Disk":
        """Another one that holds the same, all of it for sure."""
        return Disk(dict(self._names), dict(self._contents))

    def do(self, operation: Operation) -> None:
        """Go on by one operation."""
        match operation:
            case Write(file, content):
                self._writes[file] = content
            case NameChange():
                self._changes.append(operation)
            case Flush(int(file), _):
                if file in self._writes:
                    self._contents[file] = self._writes.pop(file)
            case Flush(folder, _):
                self._names = _after(self._names, [c for c in self._changes if c.folder == folder])
                self._changes = [c for c in self._changes if c.folder != folder]

    def states(self) -> Iterator[State]:
        """All that may be found once the power is back."""
        for changes in _survivors(self._changes):
            names = _reachable(_after(self._names, changes))
            unsure = sorted(set(names.values()) & self._writes.keys())
            for contents in product(*map(self._variants, unsure)):
                known = self._contents | dict(zip(unsure, contents, strict=True))
                yield {n: known.get(file, b"") for n, file in names.items() if file != _FOLDER}

    def _variants(self, file: int) -> list[bytes]:
        old, new = self._contents.get(file, b""), self._writes[file]
        pairs = enumerate(zip(old, new, strict=False))
        same = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
        rest = len(new) - same
        return list(dict.fromkeys([old, new, new[: same + rest // 2], new[:same] + bytes(rest)]))


def _survivors(changes: list[NameChange]) -> Iterator[tuple[NameChange, ...]]:
    """Which of some changes reached the disk; of many, any two, or all but any two."""
    few = {0, 1, 2, len(changes) - 2, len(changes) - 1, len(changes)}
    for number in sorted(n for n in few if 0 <= n <= len(changes)):
        yield from combinations(changes, number)


def _after(names: dict[Path, int], changes: Iterable[NameChange]) -> dict[Path, int]:
    names = dict(names)
    for change in changes:
        for name, file in change.names.items():
            if file is None:
                names.pop(name, None)
            else:
                names[name] = file
    return names


def _reachable(names: dict[Path, int]) -> dict[Path, int]:
    return {
        name: file
        for name, file in names.items()
        if all(names.get(folder) == _FOLDER for folder in name.parents if folder != ROOT)
    }


def states_after_power_loss(
    before: Disk, operations: Iterable[Operation]
) -> Iterator[tuple[State, Any]]:
    """Every state of the disk that a power loss can leave, with what was promised last; each once.

    Args:
        before: the disk at the start.
        operations: what was done.
    """
    disk, promise, seen = before.copy(), None, set()
    for operation in operations:
        disk.do(operation)
        if isinstance(operation, Promise):
            promise = operation.content
        for state in disk.states():
            key = hash((repr(promise), frozenset(state.items())))
            if key not in seen:
                seen.add(key)
                yield state, promise
