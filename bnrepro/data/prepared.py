"""Images decoded and resized once, into one memory-mapped uint8 file a split.

Pixels rather than JPEG: at 256 px one core of an AMD EPYC took 4,000 to 5,000 images/s from the
mapped file and decoded 1,100 to 2,500 of the easiest JPEGs (14 kB), and a GPU asks for thousands.
The price is disk: 252 GB for ImageNet.
"""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from rich.console import Console
from rich.progress import track

from bnrepro.data.class_names import describe_classes
from bnrepro.data.dataset import Dataset, Split
from bnrepro.data.image_tree import ImageTree, read_image_tree
from bnrepro.data.input_scale import InputScale, centre_colours
from bnrepro.data.pictures import centre_square
from bnrepro.errors import UserError

_CHUNK = 500  # images between two notes of how far the work has come
_FORMAT = 1
_MAPPED_ABOVE = 8 * 2**30  # bytes of a split

BadImages = Literal["error", "drop"]


def prepare_images(
    folder: Path,
    size: int,
    num_classes: int | None,
    bad_images: BadImages,
    cache: Path,
    console: Console,
) -> Path:
    """Decode every image to RGB, shorter side ``size``, centre square; once.

    Interrupted, the next call goes on where it stopped. What had to be converted (grey, CMYK,
    palette), what was dropped and which images stand byte for byte in both splits is told and kept
    in ``index.json``.

    Args:
        folder: an image tree.
        size: height and width stored, in pixels.
        num_classes: see `read_image_tree`.
        bad_images: what to do with a file that is no image: refuse the set, or drop the file.
        cache: where prepared sets are kept, a folder each.
        console: progress and what was found.

    Returns:
        The folder of the prepared set.

    Raises:
        UserError: a file that is no image, named; or what `read_image_tree` refuses.
    """
    tree = read_image_tree(folder, num_classes)
    target = cache / f"{folder.name}-{len(tree.classes)}-classes-{size}px-{_fingerprint(tree)}"
    if (target / "index.json").is_file():
        return target
    target.mkdir(parents=True, exist_ok=True)
    # Runs started side by side need the same set: the first prepares it, the others wait.
    with FileLock(target / ".lock"):
        if not (target / "index.json").is_file():
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
    index_file = target / "index.json"
    _check_disk(target, (len(tree.train) + len(tree.val)) * 3 * size * size)
    splits = {
        name: _prepare_split(target, name, files, size, bad_images, console)
        for name, files in (("train", tree.train), ("val", tree.val))
    }
    duplicates = _duplicates(splits["train"]["digests"], splits["val"]["digests"])
    index = {
        "format": _FORMAT,
        "source": str(folder),
        "size": size,
        "classes": tree.classes,
        "train_val_duplicates": duplicates,
        **{
            name: {
                "labels": split["labels"],
                "sha256": _sha256(target / f"{name}.u8"),
                "converted": split["converted"],
                "dropped": split["dropped"],
            }
            for name, split in splits.items()
        },
    }
    partial = index_file.with_suffix(".partial")
    partial.write_text(json.dumps(index))
    partial.replace(index_file)
    for name in splits:
        (target / f"{name}.notes.jsonl").unlink()
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


def load_prepared(folder: Path, scale: InputScale = "symmetric") -> Dataset:
    """A prepared set as one uint8 tensor a split: in memory, or mapped where it is large.

    A large set (over 8 GiB) is read page by page as mini-batches ask for it, and the system keeps
    in memory what fits; its checksums were compared when it was written and are not again.

    Args:
        folder: of the prepared set.
        scale: of what the network receives.

    Raises:
        UserError: a file is missing, cut short or altered.
    """
    index = json.loads((folder / "index.json").read_text())
    centring = centre_colours(scale)
    return Dataset(
        train=_load_split(folder, "train", index),
        test=_load_split(folder, "val", index),
        class_names=describe_classes(index["classes"], Path(index["source"])),
        input_mean=centring.mean,
        input_scale=centring.scale,
    )


def _load_split(folder: Path, name: str, index: dict[str, object]) -> Split:
    split, size = index[name], index["size"]
    assert isinstance(split, dict)
    assert isinstance(size, int)
    path = folder / f"{name}.u8"
    labels = torch.tensor(split["labels"], dtype=torch.int64)
    expected_bytes = len(labels) * 3 * size * size
    is_mapped = expected_bytes > _MAPPED_ABOVE
    is_whole = path.is_file() and path.stat().st_size == expected_bytes
    if not is_whole or (not is_mapped and _sha256(path) != split["sha256"]):
        raise UserError(f"{path}: missing or altered; remove {folder} to have it prepared again")
    if is_mapped:
        pixels = torch.from_file(str(path), shared=False, size=expected_bytes, dtype=torch.uint8)
    else:
        pixels = torch.from_numpy(np.fromfile(path, dtype=np.uint8))
    return Split(pixels.view(len(labels), 3, size, size), labels, is_mapped)


def _prepare_split(
    target: Path,
    name: str,
    files: Sequence[tuple[Path, int]],
    size: int,
    bad_images: BadImages,
    console: Console,
) -> dict[str, list[object]]:
    """Append decoded images to ``<name>.u8`` and a note on each to ``<name>.notes.jsonl``."""
    pixels_file, notes_file = target / f"{name}.u8", target / f"{name}.notes.jsonl"
    notes = _kept_notes(pixels_file, notes_file, size)
    remaining = files[len(notes) :]
    with (
        pixels_file.open("ab") as pixels,
        notes_file.open("a", encoding="utf-8") as written,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        chunks = [remaining[i : i + _CHUNK] for i in range(0, len(remaining), _CHUNK)]
        shown = track(chunks, f"preparing {name}", console=console, disable=not chunks)
        for chunk in shown:
            decoded = pool.map(lambda item: _decode(item[0], size), chunk)
            for (path, label), (image, note) in zip(chunk, decoded, strict=True):
                if image is None and bad_images == "error":
                    raise UserError(
                        f"{path}: {note['bad']}; remove it, or set data.bad_images=drop"
                    )
                if image is not None:
                    pixels.write(image.tobytes())
                notes.append({"file": str(path), "label": label, **note})
            # The pixels first: a note must not speak of an image that a crash can lose.
            pixels.flush()
            os.fsync(pixels.fileno())
            written.writelines(json.dumps(note) + "\n" for note in notes[-len(chunk) :])
            written.flush()
    kept = [note for note in notes if "bad" not in note]
    return {
        "labels": [note["label"] for note in kept],
        "digests": [note["digest"] for note in kept],
        "converted": [f"{note['file']}: {note['mode']}" for note in kept if note["mode"] != "RGB"],
        "dropped": [f"{note['file']}: {note['bad']}" for note in notes if "bad" in note],
    }


def _kept_notes(pixels_file: Path, notes_file: Path, size: int) -> list[dict[str, object]]:
    """Notes of an interrupted preparation; pixels that no note speaks of are cut off."""
    notes = []
    if notes_file.is_file():
        for line in notes_file.read_text(encoding="utf-8").splitlines():
            try:
                notes.append(json.loads(line))
            except ValueError:
                break  # the last line of a process that was killed
        notes_file.write_text("".join(json.dumps(note) + "\n" for note in notes))
    kept = sum("bad" not in note for note in notes)
    with pixels_file.open("ab") as pixels:
        pixels.truncate(kept * 3 * size * size)
    return notes


def _decode(path: Path, size: int) -> tuple[NDArray[np.uint8] | None, dict[str, object]]:
    """The image as (3, size, size) uint8 with a note, or None with what is wrong with the file."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if not content:
        return None, {"digest": digest, "bad": "an empty file"}
    try:
        with Image.open(path) as image:
            mode = image.mode
            rgb = image.convert("RGB")
    except UnidentifiedImageError:
        return None, {"digest": digest, "bad": "not an image"}
    except (OSError, SyntaxError, ValueError) as error:
        return None, {"digest": digest, "bad": f"a damaged image ({error})"}
    square = centre_square(rgb, size)
    return np.asarray(square).transpose(2, 0, 1), {"digest": digest, "mode": mode}


def _duplicates(train: Iterable[object], val: Iterable[object]) -> int:
    """How many validation images stand byte for byte in train."""
    known = set(train)
    return sum(digest in known for digest in val)


def _fingerprint(tree: ImageTree) -> str:
    """Names the files and labels that a preparation was made from."""
    digest = hashlib.sha256()
    for line in _listing(tree):
        digest.update(line.encode())
    return digest.hexdigest()[:8]


def _listing(tree: ImageTree) -> Iterator[str]:
    for path, label in (*tree.train, *tree.val):
        yield f"{path.parent.name}/{path.name} {label} {path.stat().st_size}\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tell(index: dict[str, object], console: Console) -> None:
    for name in ("train", "val"):
        split = index[name]
        assert isinstance(split, dict)
        line = f"{name}: {len(split['labels']):,} images"
        modes = Counter(entry.rpartition(": ")[2] for entry in split["converted"])
        line += "".join(f", {count} converted from {mode}" for mode, count in modes.items())
        if split["dropped"]:
            line += f", {len(split['dropped'])} dropped"
        console.print(line, highlight=False)
        for entry in split["dropped"]:
            console.print(f"dropped {entry}", highlight=False, soft_wrap=True, markup=False)
    console.print(
        f"{index['train_val_duplicates']} images of val stand byte for byte in train",
        highlight=False,
    )
