"""What a run is told of its normalization."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from bnrepro.config.options.section import Epsilon, NaturalInt, PositiveInt, Rate, Section

MovingMomentum = Annotated[FiniteFloat, Field(gt=0, le=1)] | None


class NoNorm(Section):
    """No normalization; layers keep their biases."""

    name: Literal["none"]
    """The normalization."""


class Placed(Section):
    """A normalization, wherever it stands."""

    placement: Literal["before", "after"] = "before"
    """Of the normalization: before the nonlinearity (Section 3.2), or after it (Mishkin et al.
    2016); after is for model=mlp, cnn and convnet."""
    bias: bool | None = None
    """Whether the linear maps have biases. null: where no normalization right behind them takes
    their place (Section 3.2)."""


class AnyBatchNorm(Placed):
    """What normalizes by a mini-batch, and at evaluation by averages."""

    eps: Epsilon
    """Added to the variance (Algorithm 1). The paper gives no value."""
    momentum: MovingMomentum
    """Weight of the newest batch in the moving averages (Section 3.1; no value given); null: the
    mean over all batches so far."""


class BatchNorm(AnyBatchNorm):
    """Batch normalization (Algorithm 1)."""

    name: Literal["batch", "batch_reference"]
    """batch: torch's fused implementation; batch_reference: this project's, written from the paper,
    with its own backward pass. The same function."""
    gamma: bool = True
    """Learn the scale gamma (Algorithm 1)."""
    beta: bool = True
    """Learn the shift beta (Algorithm 1)."""
    group: Literal["own", "all"] = "own"
    """What a mini-batch of a step of several groups is normalized by in training. own: its own
    statistics, as each of the paper's workers did (Section 4.2); all: those of all groups together
    (SyncBN), another method."""


class BatchVariant(AnyBatchNorm):
    """Batch normalization changed in one respect."""

    name: Literal["batch_detached", "batch_noisy"]
    """batch_detached: the gradient takes mean and variance for constants (Section 2); batch_noisy:
    noise of changing mean and variance behind it (Santurkar et al. 2018, Section 2.1)."""


class GhostBatchNorm(AnyBatchNorm):
    """Batch normalization by groups of a mini-batch's examples (Hoffer et al. 2017)."""

    name: Literal["batch_ghost"]
    """The normalization."""
    examples: Annotated[int, Field(ge=2)]
    """In a group; must divide batch_size."""


class MeanOnlyBatchNorm(Placed):
    """Batch normalization of the mean alone (Salimans & Kingma 2016)."""

    name: Literal["batch_mean_only"]
    """The normalization."""
    momentum: MovingMomentum
    """Weight of the newest batch in the moving average; null: the mean over all batches so far."""


class BatchRenorm(AnyBatchNorm):
    """Batch Renormalization (Ioffe 2017)."""

    name: Literal["batch_renorm"]
    """The normalization. It is evaluated with its moving averages, whatever evaluation.statistics
    says: they are what it was trained with."""
    r_max: Annotated[FiniteFloat, Field(ge=1)]
    """How far, as a factor, the deviation may be corrected in the end. Ioffe 2017: 3."""
    d_max: Rate
    """How far, in deviations, the mean may be corrected in the end. Ioffe 2017: 5."""
    plain_steps: NaturalInt
    """Steps of plain batch normalization at first. Ioffe 2017: 5,000 of about 150,000."""
    rise_steps: PositiveInt
    """Steps over which both limits then rise. Ioffe 2017: 35,000 and 20,000."""


class Whitening(AnyBatchNorm):
    """ZCA whitening of the mini-batch (Section 2; Huang et al. 2018)."""

    name: Literal["whitening"]
    """The normalization."""
    gradient: bool
    """Through the mini-batch's mean and covariance, too; false: they are taken for constants."""


class InstanceNorm(Placed):
    """Instance normalization (Ulyanov et al. 2016): each feature map of each example by itself."""

    name: Literal["instance"]
    """The normalization."""
    eps: Epsilon
    """Added to the variance."""


class LayerNorm(Placed):
    """Layer normalization (Ba et al. 2016)."""

    name: Literal["layer"]
    """The normalization."""
    eps: Epsilon
    """Added to the variance."""


class GroupNorm(Placed):
    """Group normalization (Wu & He 2018)."""

    name: Literal["group"]
    """The normalization."""
    eps: Epsilon
    """Added to the variance."""
    groups: PositiveInt
    """Groups that a layer's channels are split into; must divide every layer's width."""


LayerNormalization = (
    BatchNorm
    | BatchVariant
    | GhostBatchNorm
    | MeanOnlyBatchNorm
    | BatchRenorm
    | Whitening
    | LayerNorm
    | GroupNorm
    | InstanceNorm
)
"""What normalizes a layer, in one way or another."""
