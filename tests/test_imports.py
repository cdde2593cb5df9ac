"""Who may know whom: DESIGN of the house, held by reading the imports."""

import ast
from pathlib import Path

import bnrepro

PACKAGE = Path(bnrepro.__file__).parent

# A part of the package, and the parts it may import. cli may import everything.
ALLOWED = {
    "errors": set(),
    "runs": set(),
    "statistics": set(),
    "predictions": {"runs"},
    "inference": {
        "config",
        "data",
        "errors",
        "nn",
        "predictions",
        "runs",
        "statistics",
        "training",
    },
    "paper": {"statistics"},
    "nn": set(),
    "data": {"errors"},
    "config": {"errors"},
    "completion": {"config"},
    "doctor": {"data"},
    "training": {"config", "data", "nn", "errors", "runs"},
    "studies": {"nn"},
    "reproduce": {
        "config",
        "errors",
        "inference",
        "paper",
        "reports",
        "runs",
        "studies",
        "sweep",
    },
    "sweep": {"config", "training", "errors", "runs"},
    "reports": {"config", "paper", "errors", "predictions", "runs", "statistics"},
    "dashboard": {"config", "paper", "reports", "errors", "runs", "statistics"},
}

# What speaks to Hydra: composing, and expanding a sweep.
HYDRA = {"config/load.py", "config/expand.py"}


def _imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bnrepro."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "bnrepro":
            found |= {alias.name for alias in node.names} - {"__version__"}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("bnrepro.")}
    return found


def test_parts_import_only_what_they_may_know() -> None:
    for file in PACKAGE.rglob("*.py"):
        part = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part in {"__init__", "__main__", "cli"}:
            continue
        forbidden = _imports(file) - ALLOWED[part] - {part}
        assert not forbidden, f"{file} imports {forbidden}"


def test_only_these_files_know_hydra() -> None:
    for file in PACKAGE.rglob("*.py"):
        uses = {
            alias.name.split(".")[0] if isinstance(node, ast.Import) else node.module.split(".")[0]
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
            if not isinstance(node, ast.ImportFrom) or node.module
        }
        if file.relative_to(PACKAGE).as_posix() not in HYDRA:
            assert not uses & {"hydra", "omegaconf"}, file
        assert "click" not in uses, "typer carries its own"
