"""Images decoded and resized once, into one uint8 file a split that can be mapped into memory.

Pixels rather than JPEG: at 256 px one core of an AMD EPYC took 4,000 to 5,000 images/s from the
mapped file and decoded 1,100 to 2,500 of the easiest JPEGs (14 kB), and a GPU asks for thousands.
The price is disk: 252 GB for ImageNet. Imports no torch.
"""

import hashlib
import json
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from bnrepro.data.file_names import printable
from bnrepro.data.image_tree import ImageTree, read_image_tree
from bnrepro.data.pictures import PictureError, centre_square, decode_picture
from bnrepro.data.prepared_files import (
    SPLITS,
    Index,
    PreparedSplit,
    SplitName,
    index_file,
    pixels_file,
    set_folder,
    sha256,
    write_index,
)
from bnrepro.errors import UserError

_CHUNK = 500  # images between two notes of how far the work has come

BadImages = Literal["error", "drop"]


class _Note(TypedDict):
    """What came of a file: its mode, or what is wrong with it."""

    digest: str | None
    mode: str | None
    problem: str | None


def prepare_images(
    folder: Path,
    size: int,
    num_classes: int | None,
    bad_images: BadImages,
    sets: Path,
    console: Console,
) -> Path:
    """Decode every image to RGB, shorter side ``size``, centre square; once.

    Interrupted, the next call goes on where it stopped. What had to be converted (grey, CMYK,
    palette), what was dropped or not read and how many images stand byte for byte in both splits is
    told and kept in ``index.json``.

    Args:
        folder: an image tree.
        size: height and width stored, in pixels.
        num_classes: see `read_image_tree`.
        bad_images: what to do with a file that is no image: refuse the set, or drop the file.
        sets: the folder of all prepared sets; see `prepared_sets`.
        console: progress, and what is told.

    Returns:
        The folder of the prepared set.

    Raises:
        UserError: a file that is no image, named; a class all of whose images were dropped; or what
            `read_image_tree` refuses.
    """
    tree = read_image_tree(folder, num_classes)
    key = _key(folder, tree, bad_images)
    target = set_folder(sets, f"{folder.name}-{len(tree.classes)}-classes-{size}px-{key}")
    if index_file(target).is_file():
        return target
    target.mkdir(parents=True, exist_ok=True)
    # Runs started side by side need the same set: the first prepares it, the others wait.
    with FileLock(target / ".lock"):
        if not index_file(target).is_file():
            _prepare(folder, tree, target, size, bad_images, console)
    return target


def _prepare(
    folder: Path,
    tree: ImageTree,
    target: Path,
    size: int,
    bad_images: BadImages,
    console: Console,
) -> None:
    _check_disk(target, (len(tree.train) + len(tree.val)) * 3 * size * size)
    files = {"train": tree.train, "val": tree.val}
    notes = {
        name: _prepare_split(target, name, files[name], size, bad_images, console)
        for name in SPLITS
    }
    index = Index(
        source=str(folder),
        size=size,
        classes=list(tree.classes),
        train_val_duplicates=_duplicates(notes["train"], notes["val"]),
        ignored=tree.ignored,
        splits={
            name: _split(files[name], notes[name], sha256(pixels_file(target, name)))
            for name in SPLITS
        },
    )
    _check_classes(folder, index)
    write_index(target, index)
    for name in SPLITS:
        _notes_file(target, name).unlink()
    _tell(index, console)


def _check_disk(target: Path, needed: int) -> None:
    """Before hours of decoding: is there room for what will be written?"""
    present = sum(file.stat().st_size for file in target.glob("*.u8"))
    free = shutil.disk_usage(target).free
    if free < needed - present:
        raise UserError(
            f"{target}: the prepared images take {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are "
            "free; make room, or point XDG_CACHE_HOME to a larger disk"
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


def _prepare_split(
    target: Path,
    name: SplitName,
    files: Sequence[tuple[Path, int]],
    size: int,
    bad_images: BadImages,
    console: Console,
) -> list[_Note]:
    """Append decoded images to the file of pixels, and a note on each file to that of notes."""
    notes = _earlier_notes(target, name, size)
    remaining = files[len(notes) :]
    with (
        pixels_file(target, name).open("ab") as pixels,
        _notes_file(target, name).open("a", encoding="utf-8") as lines,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        chunks = [remaining[i : i + _CHUNK] for i in range(0, len(remaining), _CHUNK)]
        shown = track(chunks, f"preparing {name}", console=console, disable=not chunks)
        for chunk in shown:
            decoded = pool.map(lambda item: _decode(item[0], size), chunk)
            for (path, _), (image, note) in zip(chunk, decoded, strict=True):
                if image is not None:
                    pixels.write(image.tobytes())
                elif bad_images == "error":
                    raise UserError(
                        f"{printable(path)}: {note['problem']}; "
                        "remove it, or set data.bad_images=drop"
                    )
                notes.append(note)
            # The pixels first: a note must not speak of an image that a crash can lose.
            pixels.flush()
            os.fsync(pixels.fileno())
            lines.writelines(json.dumps(note) + "\n" for note in notes[-len(chunk) :])
            lines.flush()
    return notes


def _notes_file(target: Path, name: SplitName) -> Path:
    return target / f"{name}.notes.jsonl"


def _earlier_notes(target: Path, name: SplitName, size: int) -> list[_Note]:
    """Notes of an interrupted preparation; pixels that no note speaks of are cut off."""
    notes: list[_Note] = []
    path = _notes_file(target, name)
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                notes.append(json.loads(line))
            except ValueError:
                break  # the last line of a process that was killed
    num_bytes = sum(note["problem"] is None for note in notes) * 3 * size * size
    with pixels_file(target, name).open("ab") as pixels:
        if pixels.tell() < num_bytes:  # not ours: begin again
            notes, num_bytes = [], 0
        pixels.truncate(num_bytes)
    path.write_text("".join(json.dumps(note) + "\n" for note in notes))
    return notes


def _decode(path: Path, size: int) -> tuple[NDArray[np.uint8] | None, _Note]:
    """The image as (3, size, size) uint8 with a note, or None with what is wrong with the file."""
    digest = None
    try:
        content = _content(path)
        digest = hashlib.sha256(content).hexdigest()
        image, mode = decode_picture(content)
    except PictureError as error:
        return None, {"digest": digest, "mode": None, "problem": str(error)}
    square = np.asarray(centre_square(image, size))
    return square.transpose(2, 0, 1), {"digest": digest, "mode": mode, "problem": None}


def _content(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for ever
            raise PictureError("not a regular file")
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"cannot be read ({error.strerror})") from error


def _split(files: Sequence[tuple[Path, int]], notes: list[_Note], digest: str) -> PreparedSplit:
    pairs = list(zip(files, notes, strict=True))
    return PreparedSplit(
        labels=[label for (_, label), note in pairs if note["problem"] is None],
        sha256=digest,
        converted=[
            f"{printable(path)}: {note['mode']}"
            for (path, _), note in pairs
            if note["problem"] is None and note["mode"] != "RGB"
        ],
        dropped=[
            f"{printable(path)}: {note['problem']}"
            for (path, _), note in pairs
            if note["problem"] is not None
        ],
    )


def _duplicates(train: list[_Note], val: list[_Note]) -> int:
    """How many validation images stand byte for byte in train."""
    known = {note["digest"] for note in train if note["problem"] is None}
    return sum(note["digest"] in known for note in val)


def _key(folder: Path, tree: ImageTree, bad_images: BadImages) -> str:
    """Names what a preparation depends on: the files, their labels, and what may be dropped."""
    digest = hashlib.sha256(f"{bad_images}\n".encode())
    for line in _listing(folder, tree):
        digest.update(line)
    return digest.hexdigest()[:8]


def _listing(folder: Path, tree: ImageTree) -> Iterator[bytes]:
    for path, label in (*tree.train, *tree.val):
        yield os.fsencode(path.relative_to(folder)) + f" {label} {_size(path)}\n".encode()


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
        console.print(line, highlight=False)
        for entry in split.dropped:
            console.print(f"dropped {entry}", highlight=False, soft_wrap=True, markup=False)
    if index.ignored:
        others = ", ".join(f"{count} {suffix}" for suffix, count in index.ignored.items())
        console.print(
            f"not read, no images by their names: {others}", highlight=False, markup=False
        )
    console.print(
        f"{index.train_val_duplicates} images of val stand byte for byte in train",
        highlight=False,
    )
