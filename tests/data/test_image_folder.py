"""Where an image folder is looked for, and what is said where it is not."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from bnrepro.data.image_folder import prepare_image_folder
from bnrepro.errors import UserError


@pytest.fixture(autouse=True)
def _no_machine_wide_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _prepare(folder: str, root: str | None = None) -> Path:
    return prepare_image_folder(folder, 8, None, "error", root, Console(file=io.StringIO()))


def test_relative_folder_is_looked_for_in_the_current_folder_too(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"data.folder=set: no such folder, looked for as .*/data"):
        _prepare("set")
    monkeypatch.chdir(tree.parent)
    here = _prepare("set")
    assert here.is_relative_to(tmp_path / "cache")
    assert _prepare("set", root=str(tmp_path)) == _prepare(str(tree)) == here


def test_folder_without_splits_says_what_is_there(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / "data" / "pets" / name).mkdir(parents=True)
    told = r"pets: has no train/ and no val/; it holds cats/, dogs/; an image set is train/<class>/"
    with pytest.raises(UserError, match=told):
        _prepare("pets")


def test_root_that_is_not_there_is_an_error_and_not_passed_over(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BNREPRO_DATA", str(tree.parent))
    with pytest.raises(UserError, match=r"^data.root=/nowhere: no such folder"):
        _prepare("set", root="/nowhere")
