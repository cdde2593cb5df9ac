"""Who may know whom: DESIGN of the house, held by reading the imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import bnrepro
from bnrepro.studies.registry import study_names

PACKAGE = Path(bnrepro.__file__).parent

# A part of the package, and the parts it may import; cli may import everything. A renderer is
# handed a study: it knows what one is and what there is of it, and no single one.
_HANDED = {"studies.study", "studies.evidence"}
ALLOWED = {
    "errors": set(),
    "messages": set(),
    "signals": set(),
    "cores": set(),
    "forkserver": {"signals"},
    "torchrun": set(),
    "config": {"errors", "torchrun"},
    "runs": {"config", "errors"},
    "measure": {"runs"},
    "paper": {"measure"},
    "nn": set(),
    "data": {"cores", "errors", "messages"},
    "training": {
        "config",
        "cores",
        "data",
        "errors",
        "messages",
        "nn",
        "runs",
        "signals",
        "torchrun",
    },
    "sweep": {
        "config",
        "cores",
        "errors",
        "forkserver",
        "measure",
        "messages",
        "runs",
        "signals",
        "training",
    },
    "inference": {
        "config",
        "data",
        "errors",
        "forkserver",
        "measure",
        "messages",
        "nn",
        "runs",
        "signals",
        "training",
    },
    "prepare": {"config", "nn", "training"},
    "studies": {"config", "errors", "measure", "paper", "runs"},
    "render": {"config", "errors", "measure", "paper", "runs", *_HANDED},
    "dashboard": {"config", "errors", "measure", "paper", "runs", *_HANDED},
    "reproduce": {"config", "errors", "forkserver", "render", "runs", "studies", "sweep"},
    "comparison": {"config", "errors", "measure", "render", "runs", "sweep", *_HANDED},
    "api": {"comparison", "config", "errors", "inference", "measure", "runs", "sweep", "training"},
    "verification": {"config", "data", "errors", "runs", "training"},
    "completion": {"config", "errors", "runs", "studies.registry", "sweep"},
    "doctor": {"cores", "data"},
}
# Inside functions only: what a study prepares is computed with torch.
LATE = {"studies": {"cores", "inference", "prepare"}}

# What speaks to Hydra: composing, and expanding a sweep.
HYDRA = {"config/load.py", "config/expand.py"}


def _files() -> Iterator[tuple[str, Path]]:
    for file in PACKAGE.rglob("*.py"):
        yield file.relative_to(PACKAGE).parts[0].removesuffix(".py"), file


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def _imports(node: ast.AST) -> set[str]:
    """Modules of the package, below its name, that are imported in a piece of code."""
    modules = set()
    for part in ast.walk(node):
        if isinstance(part, ast.ImportFrom) and (part.module or "").startswith("bnrepro."):
            modules.add(part.module.removeprefix("bnrepro."))
        elif isinstance(part, ast.ImportFrom) and part.module == "bnrepro":
            modules |= {alias.name for alias in part.names} - {"__version__"}
        elif isinstance(part, ast.Import):
            names = (alias.name for alias in part.names)
            modules |= {n.removeprefix("bnrepro.") for n in names if n.startswith("bnrepro.")}
    return modules


def _may(module: str, allowed: set[str]) -> bool:
    return module in allowed or module.split(".")[0] in allowed


def test_parts_import_only_what_they_may_know() -> None:
    for part, file in _files():
        if part in {"__init__", "__main__", "cli"}:
            continue
        tree = _tree(file)
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        late = set().union(*map(_imports, functions))
        for module in _imports(tree):
            allowed = ALLOWED[part] | {part}
            in_time = _may(module, allowed)
            assert in_time or (module in late and _may(module, LATE.get(part, set()))), (
                f"{file} imports {module}"
            )


def test_what_is_late_is_late_everywhere() -> None:
    for part, file in _files():
        for node in _tree(file).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                late = {m for m in _imports(node) if _may(m, LATE.get(part, set()))}
                assert not late, f"{file} imports {late} at the top"


def test_nothing_names_a_study() -> None:
    studies = {f"studies.{name}" for name in study_names()}
    for _, file in _files():
        assert not _imports(_tree(file)) & studies, file


def test_only_these_files_know_hydra() -> None:
    for _, file in _files():
        uses = {
            alias.name.split(".")[0] if isinstance(node, ast.Import) else node.module.split(".")[0]
            for node in ast.walk(_tree(file))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
            if not isinstance(node, ast.ImportFrom) or node.module
        }
        if file.relative_to(PACKAGE).as_posix() not in HYDRA:
            assert not uses & {"hydra", "omegaconf"}, file
        assert "click" not in uses, "typer carries its own"


def test_slow_packages_are_imported_where_they_are_used() -> None:
    """Each takes as long to import as torch, and most commands need none of them."""
    slow = {"sklearn", "torch._dynamo", "torch._inductor", "torchvision"}
    for _, file in _files():
        for node in _tree(file).body:
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            if isinstance(node, ast.ImportFrom):
                names = {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
            for name in names:
                assert not any(f"{name}.".startswith(f"{one}.") for one in slow), (file, name)
