"""Image sets fetched from a server of the tests' own, in the layouts of the originals."""

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from PIL import Image
from torchvision.datasets import Imagenette

from bnrepro.data import image_archives
from bnrepro.data.catalog import fetch, verify
from bnrepro.errors import UserError


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "served"
    folder.mkdir()
    with HTTPServer(("127.0.0.1", 0), partial(_Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


def _jpeg() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "jpeg")
    return content.getvalue()


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def test_tiny_imagenet_is_downloaded_checked_and_unpacked(
    served: tuple[Path, str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = served
    archive = folder / "tiny-imagenet-200.zip"
    with zipfile.ZipFile(archive, "w") as file:
        annotations = ""
        for name in ("n1", "n2"):
            file.writestr(f"tiny-imagenet-200/train/{name}/images/{name}_0.JPEG", _jpeg())
            file.writestr(f"tiny-imagenet-200/val/images/val_{name}.JPEG", _jpeg())
            annotations += f"val_{name}.JPEG\t{name}\t0\t0\t7\t7\n"
        file.writestr("tiny-imagenet-200/val/val_annotations.txt", annotations)
    monkeypatch.setattr(image_archives, "_TINY_IMAGENET_URL", f"{url}/{archive.name}")
    with pytest.raises(UserError, match=r"tiny_imagenet: cannot be downloaded .*offline, put"):
        fetch("tiny_imagenet")  # the checksum is not the original's
    monkeypatch.setattr(image_archives, "_TINY_IMAGENET_MD5", _md5(archive))
    assert fetch("tiny_imagenet") == root / "tiny-imagenet-200"
    assert [line.partition(": ")[2] for line in verify("tiny_imagenet")] == [
        "2 images of 2 classes"
    ] * 2
    archive.unlink()
    fetch("tiny_imagenet")  # it is there: the server is not asked again


def test_imagenette_comes_from_torchvisions_class(
    served: tuple[Path, str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = served
    archive = folder / "imagenette2-160.tgz"
    with tarfile.open(archive, "w:gz") as file:
        for split in ("train", "val"):
            for name in ("n01440764", "n02102040"):
                member = tarfile.TarInfo(f"imagenette2-160/{split}/{name}/0.JPEG")
                member.size = len(_jpeg())
                file.addfile(member, io.BytesIO(_jpeg()))
    archives = {"160px": (f"{url}/{archive.name}", _md5(archive))}
    monkeypatch.setattr(Imagenette, "_ARCHIVES", archives)
    assert fetch("imagenette") == root / "imagenette2-160"
    assert len(verify("imagenette")) == 2


def test_imagenet_says_which_archives_to_ask_for(root: Path) -> None:
    with pytest.raises(UserError, match=r"/imagenet: .* get ILSVRC2012_img_train.tar, .* there$"):
        fetch("imagenet")
