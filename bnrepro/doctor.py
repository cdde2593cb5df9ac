"""What this machine has, and what to do about what it lacks."""

import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from bnrepro.cores import usable_cores

_PACKAGES = ("torch", "torchvision", "hydra-core", "tensorboard", "typer", "numpy")
_ROOMY = 2 * 2**30


class Finding(NamedTuple):
    """One thing examined.

    Attributes:
        subject: what.
        value: how it is.
        advice: what to do; empty where all is well.
    """

    subject: str
    value: str
    advice: str = ""


def examine(runs: Path) -> list[Finding]:
    """Versions, devices, threads, compiler, data, how fast they are read, and free disk.

    Args:
        runs: folder of the run directories, whose disk is looked at.
    """
    packages = [Finding(name, version(name)) for name in ("bnrepro", *_PACKAGES)]
    return [
        Finding("python", platform.python_version()),
        *packages,
        *_devices(),
        _threads(),
        _compiler(),
        *_data(),
        *_feeds(),
        _disk(runs),
    ]


def _devices() -> list[Finding]:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return [Finding("device", f"cuda: {', '.join(names)}")]
    if torch.backends.mps.is_available():
        return [Finding("device", "mps (Apple GPU)")]
    return [Finding("device", "cpu", "no GPU: use scale=smoke or scale=laptop")]


def _threads() -> Finding:
    cores = usable_cores()
    return Finding("cpu cores", f"{cores}", f"one thread a run: up to {cores} runs side by side")


def _compiler() -> Finding:
    name = os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++")), None)
    if name and shutil.which(name):
        return Finding("C++ compiler", name)
    return Finding("C++ compiler", "none", "install g++: long runs are then compiled and faster")


def _data() -> list[Finding]:
    from bnrepro.data.catalog import SOURCES

    findings = [Finding("data digits", "embedded")]
    for name, source in SOURCES.items():
        folder = source.find()
        if folder:
            findings.append(Finding(f"data {name}", str(folder)))
        else:
            advice = f"{source.advice}; or set BNREPRO_DATA"
            findings.append(Finding(f"data {name}", "not here", advice))
    return findings


def _feeds() -> list[Finding]:
    """Whether the cores read ImageNet as fast as a GPU asks for it."""
    import torch

    from bnrepro.data.feed import GPU_NEEDS, measure_feeds

    cores = usable_cores()
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    gpus = [gpu for name in names for gpu in GPU_NEEDS if gpu in name] or [next(iter(GPU_NEEDS))]
    need = sum(GPU_NEEDS[gpu] for gpu in gpus)
    who = f"{len(gpus)} {gpus[0]} would take" if not names else f"{len(names)} {gpus[0]} take"
    findings = []
    for form, feed in measure_feeds().items():
        rate = cores * feed.images_per_second
        verdict = "enough" if rate >= need else f"needs {feed.cores(need)} cores"
        findings.append(
            Finding(
                f"images from {form}",
                f"about {rate:,.0f}/s at 256 px on {cores} cores",
                f"{who} about {need:,}/s: {verdict}",
            )
        )
    return findings


def _disk(runs: Path) -> Finding:
    folder = runs.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    advice = "" if free > _ROOMY else "make room: checkpoints need it"
    return Finding("free disk", f"{free / 2**30:.1f} GiB under {folder}", advice)
