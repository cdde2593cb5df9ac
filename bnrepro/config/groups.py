"""The options of the configuration groups, read off the files themselves."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from bnrepro.config.own import own_folder

GROUPS = ("experiment", "scale", "data", "model", "norm", "optim", "debug")


def options(group: str) -> dict[str, str]:
    """Every option of a group with its one-line description: the file's first plain comment.

    The user's own are among them.

    Experiments may lie in folders (``fig1/with_bn``); for every other group a folder is not an
    option but a part that presets include.
    """
    described = own_options(group)
    described |= _options(files("bnrepro.configs") / group, "", deep=group == "experiment")
    return dict(sorted(described.items()))


def own_options(group: str) -> dict[str, str]:
    """The user's own options of a group, with their descriptions.

    Raises:
        UserError: the folder that was named is none.
    """
    folder = own_folder()
    if folder is None or not (folder / group).is_dir():
        return {}
    return dict(_options(folder / group, "", deep=group == "experiment"))


def _options(folder: Traversable, prefix: str, deep: bool) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_file() and entry.name.endswith(".yaml"):
            yield prefix + entry.name.removesuffix(".yaml"), _description(entry)
        elif entry.is_dir() and deep:
            yield from _options(entry, f"{prefix}{entry.name}/", deep)


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


def _description(file: Traversable) -> str:
    # Of a file that is no text nothing is said here; whoever chooses it is told.
    text = file.read_bytes().decode("utf-8", errors="replace")
    for line in text.splitlines():
        if line.startswith("#") and not line.startswith("# @package"):
            return line.removeprefix("#").strip()
    return ""
