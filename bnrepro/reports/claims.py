"""The claims of the paper, tested on runs: what is measured, as tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from bnrepro.config import RunConfig
from bnrepro.config.schema import ImageFolder
from bnrepro.errors import UserError
from bnrepro.paper.claims import CLAIMS, ENSEMBLE_TABLE, SCALE_TABLE, Finding, check
from bnrepro.paper.evidence import Evidence, SeedRun
from bnrepro.reports.figures import write_csv
from bnrepro.reports.runs import FinishedRun, ended_runs

_TABLES = (ENSEMBLE_TABLE, SCALE_TABLE)
_CLASSES = {"digits": 10, "mnist": 10, "imagenette": 10, "tiny_imagenet": 200, "imagenet": 1000}

CLAIM_EXPERIMENTS = tuple(
    dict.fromkeys(name for claim in CLAIMS for name in claim.needs if name not in _TABLES)
)
"""The experiments that the claims need."""


def check_claims(runs: Path, scale: str, results: Path) -> list[Finding]:
    """Every claim with its verdict at a scale.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: the results folder, whose studies some claims are about.

    Raises:
        UserError: the table of a study cannot be read.
    """
    evidence = Evidence(
        runs={
            name: [_seed_run(run) for run in ended_runs(runs, name, scale).runs]
            for name in CLAIM_EXPERIMENTS
        },
        tables={
            name: _read_table(results / scale / name)
            for name in _TABLES
            if (results / scale / name).exists()
        },
    )
    return [check(claim, evidence) for claim in CLAIMS]


def write_claims(findings: list[Finding], folder: Path) -> None:
    """``claims.csv``, a row a claim, and ``seeds.csv``, a row a claim and seed."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "claim": finding.claim.name,
            "section": finding.claim.section,
            "verdict": str(finding.verdict),
            "mean": finding.mean,
            "low": finding.low,
            "high": finding.high,
            "n": finding.n,
            "never": finding.never,
            "paper": finding.claim.paper,
            "unit": finding.claim.unit,
            "quantity": finding.claim.quantity,
            "rule": finding.claim.rule,
        }
        for finding in findings
    ]
    write_csv(pd.DataFrame(rows), folder / "claims.csv")
    seeds = [
        (finding.claim.name, seed, value)
        for finding in findings
        for seed, value in zip(finding.sample.seeds, finding.sample.values, strict=True)
    ]
    write_csv(pd.DataFrame(seeds, columns=["claim", "seed", "value"]), folder / "seeds.csv")


def _seed_run(run: FinishedRun) -> SeedRun:
    return SeedRun(run.config.seed, run.diverged, _chance(run.config), run.rows)


def _chance(config: RunConfig) -> float:
    """The accuracy of guessing: 1 / classes; NaN for a folder that does not say how many."""
    classes = _CLASSES.get(config.data.name)
    if isinstance(config.data, ImageFolder) and config.data.num_classes is not None:
        classes = config.data.num_classes
    return 1 / classes if classes else np.nan


def _read_table(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read ({error}); make it again") from error
