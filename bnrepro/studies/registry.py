"""The studies there are: a file each in this folder, and in the folders that a user names."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bnrepro.errors import UserError, nearest

if TYPE_CHECKING:
    from bnrepro.studies.study import Study

VARIABLE = "BNREPRO_STUDIES"
"""Folders of the user's own studies, separated as in PATH. Their code is run."""

COLLECTIONS = {"mechanisms": "Why it works"}
"""Titles of what is named together on the command line, and has a page of its own."""

ALL = "all"
"""On the command line: every study."""

_NOT_STUDIES = {"study", "evidence", "registry"}


def study_names() -> list[str]:
    """Every study's name, the figures first. Imports none: names are those of the files."""
    return sorted(_files(), key=lambda name: (not name.startswith("fig"), name))


def studies() -> list["Study"]:
    """Every study, in the order of `study_names`.

    Raises:
        UserError: a user's own file cannot be read as a study.
    """
    return [study(name) for name in study_names()]


def select(names: Sequence[str]) -> list["Study"]:
    """The studies that names stand for, each once: a study's own, a collection's, or `ALL`.

    Raises:
        UserError: there is none of such a name.
    """
    allowed = [*study_names(), *COLLECTIONS, ALL]
    for name in names:
        if name not in allowed:
            raise UserError(f"{name}: no such study; {nearest(name, allowed)}")
    if ALL in names:
        return studies()
    chosen: dict[str, Study] = {}
    for name in names:
        is_one = name not in COLLECTIONS
        of_name = [study(name)] if is_one else [s for s in studies() if s.collection == name]
        chosen |= {one.name: one for one in of_name}
    return [*chosen.values()]


def study(name: str) -> "Study":
    """The study of a name.

    Raises:
        UserError: there is none, or its file holds none.
    """
    files = _files()
    if name not in files:
        raise UserError(f"{name}: no such study; {nearest(name, study_names())}")
    return _load(name, files[name])


def _files() -> dict[str, Path]:
    own = [Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    files: dict[str, Path] = {}
    for folder in (Path(__file__).parent, *own):
        if not folder.is_dir():
            raise UserError(f"{VARIABLE}={folder}: no such folder")
        for file in sorted(folder.glob("*.py")):
            if file.stem.startswith("_") or file.stem in _NOT_STUDIES:
                continue
            other = files.setdefault(file.stem, file)
            if other != file:
                raise UserError(
                    f"{file}: a study {file.stem} is there already ({other}); rename it"
                )
    return files


@cache
def _load(name: str, file: Path) -> "Study":
    from bnrepro.studies.study import Study

    if file.parent == Path(__file__).parent:
        module = importlib.import_module(f"bnrepro.studies.{name}")
    else:
        module = _run(name, file)
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study) or study.name != name:
        raise UserError(f"{file}: defines no STUDY with name={name!r}; see `Add a study` in README")
    if study.collection not in ("", *COLLECTIONS):
        raise UserError(
            f"{file}: collection={study.collection!r}: no such collection; "
            f"{nearest(study.collection, COLLECTIONS)}"
        )
    return study


def _run(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bnrepro_own_studies.{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for the names in annotations
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"{file}: cannot be run ({type(error).__name__}: {error})") from error
    return module
