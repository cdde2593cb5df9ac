import gzip
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torchvision.datasets import MNIST

from bnrepro.data.catalog import fetch, verify
from bnrepro.data.mnist import load_mnist
from bnrepro.data.mnist_files import find_mnist
from bnrepro.errors import UserError

RAW = Path("mnist") / "MNIST" / "raw"


@pytest.fixture(autouse=True)
def _no_machine_wide_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BNREPRO_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])


@pytest.fixture
def copy(data_root: Path, tmp_path: Path) -> Path:
    shutil.copytree(data_root / RAW, tmp_path / RAW)
    return tmp_path


@pytest.mark.usefixtures("offline")
def test_offline_says_in_one_line_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"offline, put the four .* or use data=digits") as error:
        load_mnist(127, root=str(tmp_path))
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "mnist").iterdir())


def test_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot write to .*set data.root or BNREPRO_DATA"):
        load_mnist(127)


def test_root_that_is_not_there_is_an_error_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"^data.root=/nowhere: no such folder; give the folder"):
        load_mnist(127, root="/nowhere")


@pytest.mark.parametrize("layout", ["mnist/MNIST/raw", "MNIST/raw", "."])
def test_damage_is_named_before_anything_is_trained(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / layout
    folder.mkdir(parents=True, exist_ok=True)
    labels = folder / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(b"not the labels"))
    with pytest.raises(UserError, match="gz: missing; put the original there"):
        load_mnist(127, root=str(tmp_path))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(10_000))[:-20])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.gz: cut short"):
        load_mnist(127, root=str(tmp_path))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"cut short or not a gzip file"):
        load_mnist(127, root=str(tmp_path))


@pytest.mark.real_data
def test_real_files_load_binary_and_in_order(data_root: Path) -> None:
    dataset = load_mnist(127, root=str(data_root))
    assert (len(dataset.train), len(dataset.test)) == (60_000, 10_000)
    assert dataset.image_shape == (1, 28, 28)
    assert set(dataset.train.images.unique().tolist()) == {0, 1}
    assert dataset.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert dataset.train.labels.bincount().tolist()[:3] == [5923, 6742, 5958]


@pytest.mark.real_data
def test_altered_file_is_refused(copy: Path) -> None:
    file = copy / RAW / "t10k-labels-idx1-ubyte.gz"
    raw = bytearray(gzip.decompress(file.read_bytes()))
    raw[100] ^= 1
    file.write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(UserError, match=r"t10k-labels.*its checksum differs"):
        load_mnist(127, root=str(copy))


@pytest.mark.real_data
def test_decompressed_files_serve_as_well(copy: Path) -> None:
    for file in (copy / RAW).glob("*.gz"):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    assert len(load_mnist(127, root=str(copy)).train) == 60_000


@pytest.mark.real_data
def test_environment_names_the_folder(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNREPRO_DATA", str(data_root))
    assert find_mnist() == data_root / RAW
    assert len(verify("mnist")) == 4


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.real_data
def test_download_appears_complete_and_once(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(data_root / RAW)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path / "data"))
    folder = fetch("mnist")
    server.shutdown()
    server.server_close()
    assert folder == tmp_path / "data" / RAW
    assert [entry.name for entry in (tmp_path / "data" / "mnist").iterdir()] == ["MNIST"]
    assert fetch("mnist") == folder, "the server is gone: it must not be asked again"
    assert torch.equal(load_mnist(127).test.labels[:3], torch.tensor([7, 2, 1]))
