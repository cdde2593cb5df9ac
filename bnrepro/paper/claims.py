"""The sentences of the paper that numbers can check, and how each is checked.

A claim measures a number a seed (`evidence`), and a rule turns the numbers into a verdict
(`verdict`). Curves are compared between runs of the same seed. What the paper's own number is, is
stated by it or read off its digitized curves in the same way as ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bnrepro.paper.curves import paper_curve
from bnrepro.paper.evidence import (
    Evidence,
    Sample,
    against,
    best_gain,
    best_share,
    each,
    failure,
    final_gain,
    mean_lag,
    speed_up,
    steadiness,
    times_chance,
)
from bnrepro.paper.figure3 import FIGURE_3
from bnrepro.paper.figure4 import FIGURE_4
from bnrepro.paper.verdict import Rule, Verdict, above, all_below, below, every_seed_fails
from bnrepro.statistics import band, best_point, steps_to_reach

ENSEMBLE_TABLE = "fig4/fig4.csv"
SCALE_TABLE = "scale_invariance/scale_invariance.csv"

# 32-bit arithmetic: far above its rounding, far below anything that would be seen in training.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper that numbers can check.

    Attributes:
        name: its key in tables.
        section: of the paper.
        sentence: what the paper says, shortened.
        quantity: what is measured, a seed.
        unit: times: a ratio; points: a difference of accuracies, as a fraction; number: as it is.
        paper: the paper's own value of it; NaN: it gives none.
        rule: when it counts as reproduced and when as partly, in words.
        needs: the experiments or the table that it is measured on.
        measure: the values, one a seed.
        judge: from them to the verdict.
    """

    name: str
    section: str
    sentence: str
    quantity: str
    unit: Literal["times", "points", "number"]
    paper: float
    rule: str
    needs: tuple[str, ...]
    measure: Callable[[Evidence], Sample]
    judge: Rule


@dataclass(frozen=True)
class Finding:
    """What came of a claim.

    Attributes:
        claim: the claim.
        verdict: computed from the sample.
        sample: the value of each seed.
        mean: over the seeds that have a value; NaN where none has.
        low: of its 95 % interval; NaN with fewer than two such seeds.
        high: likewise.
        n: seeds compared, those that never got there among them.
        never: seeds that never got there.
    """

    claim: Claim
    verdict: Verdict
    sample: Sample
    mean: float
    low: float
    high: float
    n: int
    never: int


def check(claim: Claim, evidence: Evidence) -> Finding:
    """Measure a claim and judge it."""
    sample = claim.measure(evidence)
    if len(sample.values) == 0:
        return Finding(claim, Verdict.NOT_RUN, sample, np.nan, np.nan, np.nan, 0, 0)
    there = sample.values[~np.isnan(sample.values)]
    mean = low = high = np.nan
    if len(there):
        over_seeds = band(there[:, None])
        mean, low, high = (float(edge[0]) for edge in over_seeds[:3])
    n = len(sample.values)
    return Finding(claim, claim.judge(sample.values), sample, mean, low, high, n, n - len(there))


def _worst_difference(evidence: Evidence) -> Sample:
    """The largest deviation from Section 3.3's equalities over all scales of the study.

    Columns: the largest relative difference of the output, and of the gradient to the input,
    between weights W and aW; and the ratio of the gradients to aW and W, times a, which should
    be 1.
    """
    columns = (
        "output_difference",
        "input_gradient_difference",
        "weight_gradient_ratio_times_scale",
    )
    table = evidence.tables.get(SCALE_TABLE)
    if table is None:
        return Sample((), np.array([]), "needs `bnrepro reproduce`, which computes it")
    absent = [column for column in columns if column not in table]
    if absent or table.empty:
        return Sample((), np.array([]), f"{SCALE_TABLE} has no {' or '.join(absent) or 'row'}")
    differences = table[list(columns)].to_numpy(dtype=np.float64) - [0, 0, 1]
    return Sample((0,), np.array([np.abs(differences).max()]))


def _ensemble_gain(evidence: Evidence) -> Sample:
    """How far each seed's ensemble is below its best member in top-1 error, on 144 crops.

    Columns: ``seed``, ``model`` (``ensemble``, or the name of a member), ``crops`` and
    ``top1_error``, a fraction.
    """
    table = evidence.tables.get(ENSEMBLE_TABLE)
    if table is None:
        return Sample((), np.array([]), f"needs {ENSEMBLE_TABLE}")
    columns = ("seed", "model", "crops", "top1_error")
    absent = [column for column in columns if column not in table]
    if absent:
        return Sample((), np.array([]), f"{ENSEMBLE_TABLE} has no {' or '.join(absent)}")
    of_crops = table[table["crops"] == FIGURE_4[-1].crops]
    is_ensemble = of_crops["model"] == "ensemble"
    together = of_crops[is_ensemble].set_index("seed")["top1_error"]
    if together.empty:
        return Sample((), np.array([]), f"{ENSEMBLE_TABLE} has no ensemble")
    best = of_crops[~is_ensemble].groupby("seed")["top1_error"].min()
    gains = (best - together).dropna()
    return Sample(tuple(map(int, gains.index)), gains.to_numpy(dtype=np.float64))


def _paper_mnist_speed_up() -> float:
    without_bn, with_bn = paper_curve("fig1a_without_bn"), paper_curve("fig1a_with_bn")
    steps, target = best_point(*without_bn)
    return steps / steps_to_reach(*with_bn, target)


def _paper_steadiness() -> float:
    without_bn, with_bn = (
        np.mean([paper_curve(f"{panel}_p{p}").values.std() for p in (15, 50, 85)])
        for panel in ("fig1b", "fig1c")
    )
    return float(without_bn / with_bn)


def _paper_lag() -> float:
    x5, x30 = paper_curve("fig2_BN-x5"), paper_curve("fig2_BN-x30")
    return float((x5.values - np.interp(x5.steps, *x30)).mean())


def _paper_final_gain(run: str, reference: str) -> float:
    return float(paper_curve(run).values[-1] - paper_curve(reference).values[-1])


def _paper_speed_up(model: str) -> float:
    return FIGURE_3["Inception"].steps / FIGURE_3[model].steps


_WITH_BN, _WITHOUT_BN = "fig1/with_bn", "fig1/without_bn"
_INCEPTION, _BASELINE = "fig2/inception", "fig2/bn_baseline"
_X5, _X30, _X5_SIGMOID = "fig2/bn_x5", "fig2/bn_x30", "fig2/bn_x5_sigmoid"
_X5_WITH_DROPOUT = "ablation/bn_x5_with_dropout"
_INCEPTION_X5, _INCEPTION_SIGMOID = "fig2/inception_x5", "fig2/inception_sigmoid"
_SIGMOID_SHARE = FIGURE_3["BN-x5-Sigmoid"].accuracy / FIGURE_3["Inception"].accuracy

CLAIMS = (
    Claim(
        name="scale_invariance",
        section="3.3",
        sentence="BN((aW)u) = BN(Wu); the gradient to u is unchanged, the one to aW is 1/a of W's",
        quantity="largest relative difference from these equalities, over all scales a",
        unit="number",
        paper=0.0,
        rule=f"Reproduced: below {_ROUNDING:g}, a bound on rounding",
        needs=(SCALE_TABLE,),
        measure=_worst_difference,
        judge=all_below(_ROUNDING),
    ),
    Claim(
        name="mnist_higher",
        section="4.1",
        sentence="The batch-normalized network enjoys the higher test accuracy",
        quantity="final test accuracy with BN minus without",
        unit="points",
        paper=_paper_final_gain("fig1a_with_bn", "fig1a_without_bn"),
        rule="Reproduced: the interval is above 0; partly: the mean is",
        needs=(_WITH_BN, _WITHOUT_BN),
        measure=against(_WITH_BN, _WITHOUT_BN, final_gain),
        judge=above(0, worst=-1),
    ),
    Claim(
        name="mnist_sooner",
        section="4.1",
        sentence="Batch Normalization helps the network train faster",
        quantity="steps without BN to its own best test accuracy, over steps with BN to the same",
        unit="times",
        paper=_paper_mnist_speed_up(),
        rule="Reproduced: the interval is above 1; partly: the mean is",
        needs=(_WITH_BN, _WITHOUT_BN),
        measure=against(_WITH_BN, _WITHOUT_BN, speed_up),
        judge=above(1),
    ),
    Claim(
        name="mnist_stable",
        section="4.1",
        sentence="The distributions in the batch-normalized network are much more stable",
        quantity="drift of the {15, 50, 85}th percentiles of the input to one sigmoid of the last "
        "hidden layer (their standard deviation over training) without BN, over that with BN",
        unit="times",
        paper=_paper_steadiness(),
        rule="Reproduced: the interval is above 1; partly: the mean is",
        needs=(_WITH_BN, _WITHOUT_BN),
        measure=against(_WITH_BN, _WITHOUT_BN, steadiness),
        judge=above(1),
    ),
    Claim(
        name="dropout_can_go",
        section="4.2.1",
        sentence="Removing Dropout speeds up training, without increasing overfitting",
        quantity="final held-out accuracy of BN-x5, which has none, minus that of BN-x5 with "
        "Inception's Dropout of 40 %; the paper gives no number",
        unit="points",
        paper=np.nan,
        rule="Reproduced: the interval is above 0; partly: the mean is",
        needs=(_X5, _X5_WITH_DROPOUT),
        measure=against(_X5, _X5_WITH_DROPOUT, final_gain),
        judge=above(0, worst=-1),
    ),
    Claim(
        name="baseline_half",
        section="4.2.2",
        sentence="BN-Baseline matches the accuracy of Inception in less than half the steps",
        quantity="steps of Inception to its best accuracy, over steps of BN-Baseline to the same",
        unit="times",
        paper=_paper_speed_up("BN-Baseline"),
        rule="Reproduced: the interval is at or above 2; partly: the mean is above 1",
        needs=(_BASELINE, _INCEPTION),
        measure=against(_BASELINE, _INCEPTION, speed_up),
        judge=above(1, size=2),
    ),
    Claim(
        name="x5_fourteen",
        section="4.2.2",
        sentence="BN-x5 needs 14 times fewer steps than Inception to reach its accuracy",
        quantity="steps of Inception to its best accuracy, over steps of BN-x5 to the same",
        unit="times",
        paper=_paper_speed_up("BN-x5"),
        rule="Reproduced: the interval is at or above 14; partly: the mean is above 1",
        needs=(_X5, _INCEPTION),
        measure=against(_X5, _INCEPTION, speed_up),
        judge=above(1, size=14),
    ),
    Claim(
        name="x30_slower_at_first",
        section="4.2.2",
        sentence="Increasing the learning rate further (BN-x30) trains somewhat slower initially",
        quantity="accuracy of BN-x30 below BN-x5's, on average for as long as BN-x5 trains",
        unit="points",
        paper=_paper_lag(),
        rule="Reproduced: the interval is above 0; partly: the mean is",
        needs=(_X30, _X5),
        measure=against(_X30, _X5, mean_lag),
        judge=above(0, worst=-1),
    ),
    Claim(
        name="x30_higher_in_the_end",
        section="4.2.2",
        sentence="... but allows to reach a higher final accuracy",
        quantity="best accuracy of BN-x30 minus that of BN-x5",
        unit="points",
        paper=FIGURE_3["BN-x30"].accuracy - FIGURE_3["BN-x5"].accuracy,
        rule="Reproduced: the interval is above 0; partly: the mean is",
        needs=(_X30, _X5),
        measure=against(_X30, _X5, best_gain),
        judge=above(0, worst=-1),
    ),
    Claim(
        name="inception_x5_fails",
        section="4.2.2",
        sentence="The same increase of Inception's rate drove its parameters to machine infinity",
        quantity="a seed counts 1 if it diverges, 1/2 if it stays at chance (never above twice), "
        "0 if it trains",
        unit="number",
        paper=1.0,
        rule="Reproduced: every seed diverges; partly: more than half diverge or stay at chance",
        needs=(_INCEPTION_X5,),
        measure=each(_INCEPTION_X5, failure),
        judge=every_seed_fails,
    ),
    Claim(
        name="sigmoid_trains",
        section="4.2.2",
        sentence="Despite the difficulty of training such networks, BN-x5-Sigmoid reaches 69.8 %",
        quantity="best accuracy of BN-x5-Sigmoid, over Inception's",
        unit="number",
        paper=_SIGMOID_SHARE,
        rule=f"Reproduced: the interval is at or above {_SIGMOID_SHARE:.3f}, the paper's "
        "69.8 / 72.2; partly: the mean is above 1/2",
        needs=(_X5_SIGMOID, _INCEPTION),
        measure=against(_X5_SIGMOID, _INCEPTION, best_share),
        judge=above(0.5, size=_SIGMOID_SHARE),
    ),
    Claim(
        name="x30_highest",
        section="Figure 3",
        sentence="BN-x30 ends above BN-Baseline, which trains longer",
        quantity="best accuracy of BN-x30 minus that of BN-Baseline",
        unit="points",
        paper=FIGURE_3["BN-x30"].accuracy - FIGURE_3["BN-Baseline"].accuracy,
        rule="Reproduced: the interval is above 0; partly: the mean is",
        needs=(_X30, _BASELINE),
        measure=against(_X30, _BASELINE, best_gain),
        judge=above(0, worst=-1),
    ),
    Claim(
        name="sigmoid_below_relu",
        section="Figure 3",
        sentence="BN-x5-Sigmoid stays below BN-x5",
        quantity="best accuracy of BN-x5 minus that of BN-x5-Sigmoid",
        unit="points",
        paper=FIGURE_3["BN-x5"].accuracy - FIGURE_3["BN-x5-Sigmoid"].accuracy,
        rule="Reproduced: the interval is above 0; partly: the mean is",
        needs=(_X5, _X5_SIGMOID),
        measure=against(_X5, _X5_SIGMOID, best_gain),
        judge=above(0, worst=-1),
    ),
    Claim(
        name="sigmoid_inception_at_chance",
        section="4.2.2",
        sentence="Without Batch Normalization, Inception with sigmoid never beats chance",
        quantity="best accuracy of Inception with sigmoid, over that of guessing",
        unit="times",
        paper=1.0,
        rule="Reproduced: the interval is below 2, as the best of many evaluations is above the "
        "average by luck; partly: the mean is",
        needs=(_INCEPTION_SIGMOID,),
        measure=each(_INCEPTION_SIGMOID, times_chance),
        judge=below(2),
    ),
    Claim(
        name="ensemble",
        section="4.2.3",
        sentence="The ensemble of six networks has a lower error than a single one",
        quantity="top-1 error of the best member minus that of the ensemble",
        unit="points",
        paper=0.2199 - 0.201,
        rule="Reproduced: the interval is above 0; partly: the mean is",
        needs=(ENSEMBLE_TABLE,),
        measure=_ensemble_gain,
        judge=above(0),
    ),
)
"""Every claim, in the order of the paper."""
