"""Which learning rates can be used: Inception with and without BN, at x1 to x100."""

from bnrepro.measure.quantities import accuracy_after, speed_up_within
from bnrepro.measure.wording import interval
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Against, Column, Curves, Line, Study, Table

_SHARE = 0.15  # of the length of Figure 2
_QUANTITY = accuracy_after(_SHARE)
_SPEED_UP = speed_up_within(_SHARE)
_SHORT = "steps=${paper_steps:4.65e6}"
_RATES = (1, 5, 30, 100)
_NETWORKS = {
    "without BN": ("fig2/inception", ("#bdbdbd", "#888888", "#555555", "#000000")),
    "with BN": ("fig2/bn_baseline", ("#fdbe85", "#fd8d3c", "#d94701", "#8c2d04")),
}


def _line(group: str, experiment: str, rate: int, color: str) -> Line:
    # At x1 the runs of Figure 2, looked at where the others end: same steps, same rates.
    changed = () if rate == 1 else (f"optim.lr_multiplier={rate}", _SHORT)
    return Line(f"{group}, x{rate}", experiment, changed, color, group=group, x=float(rate))


def _remarks(evidence: Evidence) -> list[str]:
    sentences: list[str] = []
    bests: dict[str, str] = {}
    for group in _NETWORKS:
        accuracies = {
            line.x: evidence.mean(_QUANTITY, line.label)
            for line in evidence.study.lines
            if line.group == group and evidence.runs[line.label]
        }
        known = {rate: value for rate, value in accuracies.items() if value == value}
        if not known:
            continue
        best = max(known, key=known.__getitem__)
        useful = [rate for rate, value in known.items() if value >= known[best] / 2]
        bests[group] = f"{group}, x{best:g}"
        sentences.append(
            f"{group[0].upper()}{group[1:]}: best at x{best:g} ({known[best]:.3f} after "
            f"{_SHARE:.0%} of the steps); at least half of that from x{min(useful):g} to "
            f"x{max(useful):g}."
        )
    pairs = {f"x{rate}": (f"without BN, x{rate}", f"with BN, x{rate}") for rate in _RATES}
    if len(bests) == len(_NETWORKS):
        pairs["between each one's best rates"] = (bests["without BN"], bests["with BN"])
    measured = {
        name: evidence.sample(_SPEED_UP, with_bn, without)
        for name, (without, with_bn) in pairs.items()
    }
    times = [
        f"{name} {interval(*sample.mean[:3], '.1f')}"
        for name, sample in measured.items()
        if sample.mean.n
    ]
    if times:
        sentences.append(
            f"Within the first {_SHARE:.0%} of training, steps without BN to its best accuracy, "
            f"divided by steps with BN to that accuracy: {', '.join(times)}; other rates have no "
            "ratio, since one of the two stays at chance or never gets there. An accuracy is a "
            "mean over five evaluations, so where BN has it at the first of them, the ratio is a "
            "lower bound with no width."
        )
    return sentences


STUDY = Study(
    name="rate_tolerance",
    title="Which learning rates can be used, with and without BN",
    question="How much larger may the learning rate be with BN, and what does that gain?",
    lines=tuple(
        _line(group, experiment, rate, color)
        for group, (experiment, colors) in _NETWORKS.items()
        for rate, color in zip(_RATES, colors, strict=True)
    ),
    panels=(
        Against(
            f"(a) accuracy after {_SHARE:.0%} of the steps, crosses: diverged",
            _QUANTITY,
            "learning rate, times 0.0015",
            "held-out accuracy",
        ),
        Curves("(b) on the way", ("accuracy",), "held-out accuracy", share=_SHARE),
    ),
    table=Table((Column(f"accuracy after {_SHARE:.0%} of the steps", _QUANTITY, ".3f"),)),
    remarks=_remarks,
    paper="Section 3.3: BN should allow larger rates; Bjorck et al. 2018 (arXiv 1806.02375): the "
    "larger rates are BN's benefit, at equal small ones accuracies are about equal; Santurkar et "
    "al. 2018 (arXiv 1805.11604); the paper has BN-x5 and BN-x30, and Inception at x5 diverged",
)
