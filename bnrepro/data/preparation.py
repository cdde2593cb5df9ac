"""Images decoded and resized once, into one file a split that can be mapped into memory.

As pixels or as JPEG, which takes an eighth of the disk and half a millisecond of a core to read:
`scripts/bench_data.py` measures both. Imports no torch.
"""

import hashlib
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
from filelock import FileLock
from PIL import Image
from rich.console import Console
from rich.progress import track

from bnrepro.cores import usable_cores
from bnrepro.data.image_file import ImageFile
from bnrepro.data.image_tree import ImageTree, describe_classes, read_classes, read_image_tree
from bnrepro.data.imagenet import archives, check_archives, is_archived
from bnrepro.data.pictures import PictureError, centre_square, decode_picture
from bnrepro.data.prepared_files import (
    JPEG_QUALITY,
    SPLITS,
    Index,
    PreparedSplit,
    SplitName,
    Storage,
    images_file,
    index_file,
    set_folder,
    sha256,
    write_index,
)
from bnrepro.errors import UserError
from bnrepro.messages import say

_CHUNK = 500  # images between two notes of how far the work has come
_RGB = "RGB"
_JPEG_BYTES = 0.5  # a pixel, at the most; an estimate

BadImages = Literal["error", "drop"]
_Labelled = Sequence[tuple[ImageFile, int]]


class _Note(TypedDict):
    """What came of a file: its mode, and the bytes written; or what is wrong with it."""

    digest: str | None
    mode: str | None
    length: int
    problem: str | None


def prepare_images(
    folder: Path,
    size: int,
    num_classes: int | None,
    bad_images: BadImages,
    sets: Path,
    console: Console,
    storage: Storage = "pixels",
) -> Path:
    """Decode every image to RGB, shorter side ``size``, centre square; once, on all cores.

    Interrupted, the next call goes on where it stopped. What had to be converted (grey, CMYK,
    palette), what was dropped or not read and how many images stand byte for byte in both splits is
    told and kept in ``index.json``.

    Args:
        folder: the images; see `read_image_tree`. ImageNet's archives are read in place, and
            compared with their published checksums first.
        size: height and width stored, in pixels.
        num_classes: see `read_image_tree`.
        bad_images: what to do with a file that is no image: refuse the set, or drop the file.
        sets: the folder of all prepared sets; see `prepared_sets`.
        console: progress, and what is told.
        storage: pixels, or JPEG of quality 90.

    Returns:
        The folder of the prepared set.

    Raises:
        UserError: a file that is no image, named; a class all of whose images were dropped; too
            small a disk; or what `read_image_tree` refuses.
    """
    # Listing the million members of ImageNet's archives takes minutes: only to prepare them.
    tree = None if is_archived(folder) else read_image_tree(folder, num_classes)
    classes = tree.classes if tree else read_classes(folder, num_classes)
    listing = _listing(folder, tree) if tree else _archive_listing(folder, classes)
    form = f"{size}px" if storage == "pixels" else f"{size}px-{storage}"
    name = f"{folder.name}-{len(classes)}-classes-{form}-{_key(listing, bad_images)}"
    target = set_folder(sets, name)
    if index_file(target).is_file():
        return target
    target.mkdir(parents=True, exist_ok=True)
    # Runs started side by side need the same set: the first prepares it, the others wait.
    with FileLock(target / ".lock"):
        if not index_file(target).is_file():
            if tree is None:
                with console.status(f"listing {folder}"):
                    tree = read_image_tree(folder, num_classes)
            _Preparation(folder, tree, target, size, storage, bad_images, console).run()
    return target


@dataclass(frozen=True)
class _Preparation:
    """One set in the making."""

    folder: Path
    tree: ImageTree
    target: Path
    size: int
    storage: Storage
    bad_images: BadImages
    console: Console

    def run(self) -> None:
        self._check_disk()
        # An interrupted call compared the archives before it wrote its first note.
        if is_archived(self.folder) and not _notes_file(self.target, "train").is_file():
            for line in check_archives(self.folder, self.console):
                say(self.console, line)
        files = {"train": self.tree.train, "val": self.tree.val}
        notes = {name: self._prepare_split(name, files[name]) for name in SPLITS}
        index = Index(
            source=str(self.folder),
            storage=self.storage,
            size=self.size,
            classes=list(self.tree.classes),
            descriptions=list(describe_classes(self.tree.classes, self.folder)),
            train_val_duplicates=_duplicates(notes["train"], notes["val"]),
            ignored=self.tree.ignored,
            splits={
                name: self._split(files[name], notes[name], sha256(self._images(name)))
                for name in SPLITS
            },
        )
        _check_classes(self.folder, index)
        write_index(self.target, index)
        for name in SPLITS:
            _notes_file(self.target, name).unlink()
        _tell(index, self.console)

    def _images(self, name: SplitName) -> Path:
        return images_file(self.target, name, self.storage)

    def _check_disk(self) -> None:
        """Before hours of decoding: is there room for what will be written?"""
        per_pixel = 3 if self.storage == "pixels" else _JPEG_BYTES
        needed = (len(self.tree.train) + len(self.tree.val)) * per_pixel * self.size**2
        written = sum(path.stat().st_size for path in map(self._images, SPLITS) if path.exists())
        free = shutil.disk_usage(self.target).free
        if free < needed - written:
            advice = "" if self.storage == "jpeg" else ", or set data.storage=jpeg (an eighth)"
            raise UserError(
                f"{self.target}: the prepared images take {needed / 1e9:.1f} GB and "
                f"{free / 1e9:.1f} GB are free; make room, or point XDG_CACHE_HOME to a larger "
                f"disk{advice}"
            )

    def _prepare_split(
        self, name: SplitName, files: Sequence[tuple[ImageFile, int]]
    ) -> list[_Note]:
        """Append images to their file, and a note on each to that of notes."""
        notes = self._earlier_notes(name)
        remaining = files[len(notes) :]
        with (
            self._images(name).open("ab") as images,
            _notes_file(self.target, name).open("a", encoding="utf-8") as lines,
            ThreadPoolExecutor(usable_cores()) as pool,
        ):
            chunks = [remaining[i : i + _CHUNK] for i in range(0, len(remaining), _CHUNK)]
            shown = track(chunks, f"preparing {name}", console=self.console, disable=not chunks)
            for chunk in shown:
                prepared = pool.map(lambda item: self._prepare(item[0]), chunk)
                for (file, _), (content, note) in zip(chunk, prepared, strict=True):
                    if note["problem"] is not None and self.bad_images == "error":
                        raise UserError(
                            f"{file}: {note['problem']}; remove it, or set data.bad_images=drop"
                        )
                    images.write(content)
                    notes.append(note)
                # The images first: a note must not speak of one that a crash can lose.
                images.flush()
                os.fsync(images.fileno())
                lines.writelines(json.dumps(note) + "\n" for note in notes[-len(chunk) :])
                lines.flush()
        return notes

    def _earlier_notes(self, name: SplitName) -> list[_Note]:
        """Notes of an interrupted preparation; images that no note speaks of are cut off."""
        notes: list[_Note] = []
        path = _notes_file(self.target, name)
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    notes.append(json.loads(line))
                except ValueError:
                    break  # the last line of a process that was killed
        num_bytes = sum(note["length"] for note in notes)
        with self._images(name).open("ab") as images:
            if images.tell() < num_bytes:  # not ours: begin again
                notes, num_bytes = [], 0
            images.truncate(num_bytes)
        path.write_text("".join(json.dumps(note) + "\n" for note in notes))
        return notes

    def _prepare(self, file: ImageFile) -> tuple[bytes, _Note]:
        """What is written of an image, with a note; nothing, with what is wrong with the file."""
        digest = None
        try:
            content = _content(file)
            digest = hashlib.sha256(content).hexdigest()
            image, mode = decode_picture(content)
        except PictureError as error:
            return b"", {"digest": digest, "mode": None, "length": 0, "problem": str(error)}
        stored = self._encode(centre_square(image, self.size))
        return stored, {"digest": digest, "mode": mode, "length": len(stored), "problem": None}

    def _encode(self, image: Image.Image) -> bytes:
        if self.storage == "pixels":
            return np.asarray(image).transpose(2, 0, 1).tobytes()
        file = io.BytesIO()
        image.save(file, "jpeg", quality=JPEG_QUALITY)
        return file.getvalue()

    def _split(self, files: _Labelled, notes: list[_Note], digest: str) -> PreparedSplit:
        pairs = list(zip(files, notes, strict=True))
        good = [(file, label, note) for (file, label), note in pairs if note["problem"] is None]
        return PreparedSplit(
            labels=[label for _, label, _ in good],
            lengths=[note["length"] for *_, note in good] if self.storage == "jpeg" else [],
            sha256=digest,
            converted=[
                f"{file}: {note['mode']}" for file, _, note in good if note["mode"] != "RGB"
            ],
            dropped=[
                f"{file}: {note['problem']}"
                for (file, _), note in pairs
                if note["problem"] is not None
            ],
        )


def _check_classes(folder: Path, index: Index) -> None:
    """Is an image of each class left?"""
    for name in SPLITS:
        present = set(index.splits[name].labels)
        for label, class_name in enumerate(index.classes):
            if label not in present:
                raise UserError(
                    f"{folder / name}: all images of class {class_name} were dropped "
                    "(data.bad_images=drop); put images there, or remove the class"
                )


def _notes_file(target: Path, name: SplitName) -> Path:
    return target / f"{name}.notes.jsonl"


def _content(file: ImageFile) -> bytes:
    try:
        return file.read()
    except OSError as error:
        raise PictureError(f"cannot be read ({error.strerror})") from error


def _duplicates(train: list[_Note], val: list[_Note]) -> int:
    """How many validation images stand byte for byte in train."""
    known = {note["digest"] for note in train if note["problem"] is None}
    return sum(note["digest"] in known for note in val)


def _key(listing: Iterable[bytes], bad_images: BadImages) -> str:
    """Names what a preparation depends on besides its size and form."""
    digest = hashlib.sha256(f"{bad_images}\n".encode())
    for line in listing:
        digest.update(line)
    return digest.hexdigest()[:8]


def _listing(folder: Path, tree: ImageTree) -> Iterator[bytes]:
    """The files of a tree, and their labels."""
    for file, label in (*tree.train, *tree.val):
        name = os.fsencode(file.path.relative_to(folder))
        yield name + f" {label} {_size(file.path)}\n".encode()


def _archive_listing(folder: Path, classes: Sequence[str]) -> Iterator[bytes]:
    """The archives, and the classes in the order of their labels."""
    for path in archives(folder):
        yield f"{path.name} {_size(path)}\n".encode()
    yield "\n".join(classes).encode()


def _size(path: Path) -> int | None:
    """In bytes; None: the file cannot be asked (a link to nothing)."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def _tell(index: Index, console: Console) -> None:
    for name in SPLITS:
        split = index.splits[name]
        line = f"{name}: {len(split.labels):,} images"
        modes = Counter(entry.rpartition(": ")[2] for entry in split.converted)
        line += "".join(f", {count} converted from {mode}" for mode, count in modes.items())
        if split.dropped:
            line += f", {len(split.dropped)} dropped"
        say(console, line)
        for entry in split.dropped:
            say(console, f"dropped {entry}")
    if index.ignored:
        others = ", ".join(f"{count} {suffix}" for suffix, count in index.ignored.items())
        say(console, f"not read, no images by their names: {others}")
    say(console, f"{index.train_val_duplicates} images of val stand byte for byte in train")
