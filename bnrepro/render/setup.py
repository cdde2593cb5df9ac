"""What ran on what, and how it differs from the paper: said in tables and sentences."""

from collections.abc import Sequence

from bnrepro.config import differences
from bnrepro.measure.wording import plain, seeds
from bnrepro.render.tables import Cells
from bnrepro.runs.ended import union_of_provenance
from bnrepro.studies.evidence import Evidence, line_config

# What follows the paper's time, and what only says where files are or how often to look.
_LENGTHS = {"steps", "optim.decay_every", "evaluation.every"}
_UNSAID = {"scale", "data.folder", "inception_steps", "budget", "evaluation.at"}
_VERSIONS = ("git_commit", "bnrepro", "python", "torch", "numpy", "system")
_MACHINE = ("processor", "device", "threads", "compiled")


def setup_cells(studies: Sequence[Evidence]) -> Cells:
    """A row a line that ran: data, size, seeds, time."""
    columns = [
        "study",
        "line",
        "data",
        "network",
        "steps",
        "batch",
        "seeds",
        "time a seed",
        "in all",
    ]
    rows = []
    for evidence in studies:
        for label, runs in evidence.runs.items():
            if not runs:
                continue
            config = runs[0].config
            seconds = [run.seconds for run in runs]
            width = getattr(config.model, "width", None)
            rows.append(
                [
                    evidence.study.name,
                    label,
                    config.data.name,
                    config.model.name + (f", width {width:g}" if width else ""),
                    f"{config.steps:,}",
                    str(config.batch_size * config.groups),
                    seeds(len(runs), diverged=sum(run.diverged for run in runs)),
                    _time(sum(seconds) / len(seconds)),
                    _time(sum(seconds)),
                ]
            )
    return Cells(columns, rows)


def machine_cells(studies: Sequence[Evidence]) -> Cells:
    """A row for each combination of machine, versions and commit that runs were made with."""
    keys = (*_MACHINE, *_VERSIONS)
    used: dict[tuple[str, ...], list[str]] = {}
    for evidence in studies:
        runs = [run for of_line in evidence.runs.values() for run in of_line]
        for entry in union_of_provenance(runs):
            names = used.setdefault(tuple(str(entry.get(key, "-")) for key in keys), [])
            if evidence.study.name not in names:
                names.append(evidence.study.name)
    rows = [[*values, ", ".join(names)] for values, names in sorted(used.items())]
    return Cells([*(key.replace("_", " ") for key in keys), "studies"], rows)


def what_differs(evidence: Evidence) -> list[str]:
    """A sentence for each set of lines that differ in the same way from ``scale=paper``."""
    alike: dict[str, list[str]] = {}
    for line in evidence.study.lines:
        if evidence.runs[line.label]:
            here = line_config(line, evidence.scale, evidence.overrides)
            paper = line_config(line, "paper")
            changed = differences(here, paper)
            alike.setdefault(_sentence(changed, here.budget), []).append(line.label)
    return [f"{', '.join(names)}: {said}" for said, names in alike.items()]


def _sentence(changed: dict[str, tuple[object, object]], budget: str) -> str:
    sentences = []
    unsaid = set(_UNSAID)
    here, paper = changed.get("inception_steps", (None, None))
    if isinstance(here, int) and isinstance(paper, int):
        unsaid |= _LENGTHS
        sentences.append(
            f"every curve is {here:,} steps long and every rate decays alike over them, where the "
            f"paper's lengths and decays differ (Inception: {paper:,} steps)"
            if budget == "equal"
            else "the paper's time is scaled, lengths and decay alike, learning rates and batch "
            f"not: one step stands for {paper / here:,.4g} of the paper's"
        )
    sentences += [
        f"{key} is {plain(value)} (the paper: {plain(other)})"
        for key, (value, other) in changed.items()
        if key not in unsaid
    ]
    if not sentences:
        return "the size of the paper; what the paper leaves open is said in the presets."
    return "; ".join(sentences) + "."


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
