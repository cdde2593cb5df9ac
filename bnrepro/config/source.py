"""The source of a network of the user's own: found and hashed without running any of it."""

import hashlib
import importlib
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from bnrepro.config.options.model import Python
from bnrepro.config.schema import RunConfig
from bnrepro.errors import UserError


def with_source(values: dict[str, Any]) -> dict[str, Any]:
    """A config's plain values, with ``model.source`` as the source is now.

    Raises:
        UserError: the module of ``model.factory`` is not there.
    """
    model = values.get("model")
    if not isinstance(model, dict) or model.get("name") != "python":
        return values
    return values | {"model": model | {"source": source_hash(str(model.get("factory")))}}


def source_hash(factory: str) -> str:
    """Twelve hexadecimal digits of the file of the module in ``module:function``.

    Raises:
        UserError: there is no such module in the current folder or among the installed ones.
    """
    module = factory.partition(":")[0]
    file = _find_file(module)
    if file is None:
        raise UserError(
            f"model.factory={factory}: no module {module} in the current folder or among the "
            "installed packages; write module:function"
        )
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def changed_source(config: RunConfig) -> str | None:
    """One line on a network whose source is no longer what the config says; else None.

    Raises:
        UserError: the source is gone.
    """
    model = config.model
    if not isinstance(model, Python) or source_hash(model.factory) == model.source:
        return None
    return f"model.factory={model.factory}: its source has changed since ({model.source} then)"


def _find_file(module: str) -> Path | None:
    importlib.invalidate_caches()  # a file may be seconds old
    places = [str(Path.cwd()), *sys.path]
    spec: ModuleSpec | None = None
    # One part after the other: importlib's own search would import the packages on the way.
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, places)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or [])
    return Path(spec.origin) if spec and spec.origin and spec.has_location else None
