"""Runs that come as an archive, which may be damaged or made by somebody else."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from bnrepro.errors import UserError
from bnrepro.runs import RunDirectory, State
from bnrepro.runs.archive import pack_runs, unpack_runs
from tests.synthetic import write_run


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    directory = write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": [0.1, 0.9]})
    file = tmp_path / "runs.tar.xz"
    pack_runs([directory], tmp_path / "runs", file)
    return file


def test_packed_runs_are_the_same_runs(packed: Path, tmp_path: Path) -> None:
    unpack_runs(packed, tmp_path / "again")
    [metrics] = (tmp_path / "again").rglob("metrics.jsonl")
    [before] = (tmp_path / "runs").rglob("metrics.jsonl")
    assert metrics.read_bytes() == before.read_bytes()
    status = RunDirectory(metrics.parent).read_status()
    assert status
    assert (status.state, status.pid, status.host) == (State.FINISHED, 0, "")


def test_runs_that_are_there_stay_as_they_are(packed: Path, tmp_path: Path) -> None:
    [metrics] = (tmp_path / "runs").rglob("metrics.jsonl")
    metrics.write_text("longer")
    unpack_runs(packed, tmp_path / "runs")
    assert metrics.read_text() == "longer"


def _member(name: str, **fields: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(member, field, value)
    return member


LEAVING = {
    "parent": [_member("../outside", size=4)],
    "link": [
        _member("inside", type=tarfile.SYMTYPE, linkname=".."),
        _member("inside/outside", size=4),
    ],
    "hard link": [_member("inside", type=tarfile.LNKTYPE, linkname="../secret")],
    "device": [_member("inside", type=tarfile.CHRTYPE)],
}


@pytest.mark.parametrize("members", LEAVING.values(), ids=LEAVING)
def test_archive_that_leaves_its_folder_is_refused(
    members: list[tarfile.TarInfo], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("kept")
    file = tmp_path / "runs.tar.xz"
    with tarfile.open(file, mode="w:xz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"code"))
    with pytest.raises(UserError, match=r"runs\.tar\.xz: cannot be unpacked") as refused:
        unpack_runs(file, tmp_path / "runs")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "runs" / "inside").exists()


def test_absolute_path_stays_inside(tmp_path: Path) -> None:
    file = tmp_path / "runs.tar.xz"
    with tarfile.open(file, mode="w:xz") as archive:
        archive.addfile(_member(str(tmp_path / "outside"), size=4), io.BytesIO(b"code"))
    unpack_runs(file, tmp_path / "runs")
    assert not (tmp_path / "outside").exists()


def test_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bnrepro.runs.archive._MOST_BYTES", 1000)
    file = tmp_path / "runs.tar.xz"
    with tarfile.open(file, mode="w:xz") as archive:
        archive.addfile(_member("zeros", size=1001), io.BytesIO(bytes(1001)))
    with pytest.raises(UserError, match="holds more than"):
        unpack_runs(file, tmp_path / "runs")
    assert not (tmp_path / "runs" / "zeros").exists()


@pytest.mark.parametrize("values", [2, 20_000])  # a long one is read on while it is unpacked
@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.8, 0.95])
def test_damaged_archive_is_a_line(tmp_path: Path, values: int, part: float) -> None:
    noise = np.random.default_rng(0).random(values)
    directory = write_run(tmp_path / "runs", "fig1/with_bn", {"test/accuracy": noise.tolist()})
    packed = tmp_path / "runs.tar.xz"
    pack_runs([directory], tmp_path / "runs", packed)
    content = bytearray(packed.read_bytes())
    content[int(part * len(content))] ^= 1
    packed.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"runs\.tar\.xz: cannot be unpacked") as refused:
        unpack_runs(packed, tmp_path / "again")
    assert "\n" not in str(refused.value)
