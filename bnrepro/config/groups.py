"""The options of the configuration groups, read off the files themselves."""

from importlib.resources import files
from importlib.resources.abc import Traversable

GROUPS = ("experiment", "scale", "data", "model", "norm", "optim", "debug")


def options(group: str) -> dict[str, str]:
    """Every option of a group with its one-line description: the file's first plain comment.

    Experiments lie one folder deeper (``fig1/with_bn``); for every other group a folder is not an
    option but a part that presets include.
    """
    folder = files("bnrepro.configs") / group
    found = {file.name.removesuffix(".yaml"): _description(file) for file in _yaml_files(folder)}
    if group == "experiment":
        for figure in folder.iterdir():
            if figure.is_dir():
                for file in _yaml_files(figure):
                    name = f"{figure.name}/{file.name.removesuffix('.yaml')}"
                    found[name] = _description(file)
    return dict(sorted(found.items()))


def header(group: str, option: str) -> str:
    """The comment block at the head of an option's file, without the leading marks."""
    file = files("bnrepro.configs").joinpath(group, *f"{option}.yaml".split("/"))
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.removeprefix("#").strip())
    return "\n".join(lines)


def _yaml_files(folder: Traversable) -> list[Traversable]:
    return [entry for entry in folder.iterdir() if entry.is_file() and entry.name.endswith(".yaml")]


def _description(file: Traversable) -> str:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and not line.startswith("# @package"):
            return line.removeprefix("#").strip()
    return ""
