"""What a run is told: frozen, checked on construction, every field explained under its name.

`bnrepro config --explain` prints the explanations, so each says the meaning, the unit and, where
the paper speaks of it, the section.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bnrepro.config.options.data import Augmentation, Digits, ImageFolder, Mnist, Order
from bnrepro.config.options.evaluation import Evaluation, Measure, Probe, Record
from bnrepro.config.options.model import Cnn, ConvNet, Inception, Mlp, Python, Torchvision
from bnrepro.config.options.norm import (
    AnyBatchNorm,
    BatchNorm,
    GhostBatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNormalization,
    MeanOnlyBatchNorm,
    NoNorm,
    Placed,
    Whitening,
)
from bnrepro.config.options.optim import Adam, Sgd
from bnrepro.config.options.runtime import Runtime
from bnrepro.config.options.section import SELECTION, Positive, PositiveInt, Section

_OF_GRADIENTS = ("gradient_norms", "gradient_shift", "landscape")

Seed = Annotated[int, Field(ge=0, lt=2**63)]


class RunConfig(Section):
    """One run: everything that `bnrepro train` needs to know."""

    experiment: str
    """The preset under configs/experiment/ that the run belongs to."""
    scale: Literal["smoke", "laptop", "gpu", "imagenet128", "lim0606", "paper"]
    """How big: smoke (seconds), laptop (two CPU cores), gpu (one GPU), paper (as published);
    imagenet128 and lim0606: ImageNet by the recipes of others, for fig2."""
    seed: Seed
    """Fixes the initial weights, the order of the examples and every other random draw."""
    steps: PositiveInt
    """Parameter updates. The paper: 50,000 (Section 4.1)."""
    inception_steps: PositiveInt | None
    """T, the steps that stand for the 31.0e6 of the paper's Inception run: the presets of Figure 2
    scale every length and every decay constant by T / 31.0e6. null: nothing is scaled."""
    budget: Literal["paper", "equal"] = "paper"
    """How long the curves of Figure 2 are. paper: each as long as the paper's, and the rate of the
    accelerated networks decays 6 times faster (Section 4.2.1). equal: every curve inception_steps
    long, every rate decaying alike over them."""
    batch_size: PositiveInt
    """Examples in a mini-batch. The paper: 60 on MNIST (Section 4.1), 32 on ImageNet (4.2)."""
    groups: PositiveInt = 1
    """Mini-batches in a step; its gradient is their mean. The paper: 1. More is a larger batch that
    is normalized 32 at a time, say (Goyal et al. 2017), and what several processes share."""
    input_factor: Positive = 1.0
    """Factor on what the network receives, after data.scale. Behind BN it would not matter
    (Section 3.3)."""
    precision: Literal["float32", "bfloat16"]
    """Of activations and products in the training step; parameters stay float32."""
    order: Order
    """The order of training examples."""
    augmentation: Augmentation
    """Random changes to training images."""
    data: Annotated[Digits | Mnist | ImageFolder, Field(discriminator="name")]
    """The data set."""
    model: Annotated[
        Mlp | Cnn | ConvNet | Inception | Torchvision | Python, Field(discriminator="name")
    ]
    """The network."""
    norm: Annotated[NoNorm | LayerNormalization, Field(discriminator="name")]
    """The normalization of each nonlinearity's input."""
    optim: Annotated[Sgd | Adam, Field(discriminator="name")]
    """The optimizer."""
    evaluation: Evaluation
    """Held-out evaluation."""
    measures: Annotated[tuple[Measure, ...], *SELECTION]
    """What is recorded at each evaluation besides loss and accuracy. activation_inputs: percentiles
    of the inputs to the nonlinearities (Figure 1(b, c)); activation_histograms: their histograms;
    evaluation_statistics: accuracy and loss by each of evaluation.compare (Section 3.1); gamma: its
    mean size in each layer; training_set: accuracy and loss on training examples; gradient_norms:
    norm of the training loss's gradient in each layer's weights; gradient_shift: how updating the
    layers below changes it (Santurkar et al. 2018, Definition 2.1); landscape: loss and gradient
    along a step (their Figure 4); weight_norms: of each layer's weights, with the rate over its
    square (van Laarhoven 2017); saturation: share of sigmoids with a derivative below 0.01;
    jacobian: singular values of each layer's Jacobian (Section 3.3)."""
    probe: Probe
    """Inputs to the nonlinearities."""
    record: Record
    """The training loss."""
    runtime: Runtime
    """Execution."""

    @model_validator(mode="after")
    def _batch_norm_needs_two_examples(self) -> Self:
        if isinstance(self.norm, AnyBatchNorm | MeanOnlyBatchNorm) and self.batch_size < 2:
            raise ValueError(
                f"batch_size={self.batch_size}: batch normalization needs a mini-batch of at least "
                "2 examples (Algorithm 2: m > 1); use batch_size=2 or more, or norm=none"
            )
        return self

    @model_validator(mode="after")
    def _processes_divide_groups(self) -> Self:
        processes = self.runtime.processes
        if self.groups % processes:
            right = [str(n) for n in range(1, self.groups + 1) if self.groups % n == 0]
            raise ValueError(
                f"runtime.processes={processes}: does not divide groups={self.groups}; use "
                f"{' or '.join(right)}, or other groups"
            )
        return self

    @model_validator(mode="after")
    def _statistics_of_all_need_a_process_each(self) -> Self:
        if (
            isinstance(self.norm, BatchNorm)
            and self.norm.group == "all"
            and self.groups != self.runtime.processes
        ):
            raise ValueError(
                f"norm.group=all: needs a process for each group, runtime.processes={self.groups}; "
                f"batch_size={self.groups * self.batch_size} groups=1 is the same in one process"
            )
        return self

    @model_validator(mode="after")
    def _gradients_are_measured_by_one_process(self) -> Self:
        if isinstance(self.norm, BatchNorm) and self.norm.group == "all" and self.groups > 1:
            asked = [name for name in self.measures if name in _OF_GRADIENTS]
            if asked:
                raise ValueError(
                    f"norm.group=all: one process alone cannot measure {', '.join(asked)}; use "
                    "norm.group=own, or measures without"
                )
        return self

    @model_validator(mode="after")
    def _comparison_needs_batch_norm(self) -> Self:
        if "evaluation_statistics" in self.measures and not isinstance(self.norm, BatchNorm):
            raise ValueError(
                f"measures=[{','.join(self.measures)}]: only batch normalization has statistics to "
                "compare; use norm=batch, or measures without evaluation_statistics"
            )
        return self

    @model_validator(mode="after")
    def _saturation_needs_sigmoids(self) -> Self:
        if "saturation" in self.measures and getattr(self.model, "activation", "") != "sigmoid":
            raise ValueError(
                f"measures=[{','.join(self.measures)}]: this network has no sigmoids that could "
                "saturate; use model.activation=sigmoid with a model that has it, or measures "
                "without saturation"
            )
        return self

    @model_validator(mode="after")
    def _jacobian_needs_an_mlp(self) -> Self:
        is_moved = getattr(self.norm, "placement", "before") == "after"
        if "jacobian" in self.measures and (is_moved or not isinstance(self.model, Mlp)):
            raise ValueError(
                f"measures=[{','.join(self.measures)}]: Jacobians are of fully connected layers "
                "with the norm before the nonlinearity; use model=mlp with norm.placement=before, "
                "or measures without jacobian"
            )
        return self

    @model_validator(mode="after")
    def _training_set_is_what_was_trained_on(self) -> Self:
        is_drawn = isinstance(self.data, Mnist) and self.data.binarize == "sample"
        if "training_set" in self.measures and is_drawn:
            raise ValueError(
                "data.binarize=sample: every step trains on other pixels, so there is no training "
                "set to measure; use data.binarize=threshold, or measures without training_set"
            )
        return self

    @model_validator(mode="after")
    def _warmup_ends(self) -> Self:
        if self.optim.warmup_steps >= self.steps:
            raise ValueError(
                f"optim.warmup_steps={self.optim.warmup_steps}: must be below steps={self.steps}"
            )
        return self

    @model_validator(mode="after")
    def _limited_data_fill_a_batch(self) -> Self:
        examples = self.data.train_examples
        if examples is not None and examples < self.batch_size:
            raise ValueError(
                f"data.train_examples={examples}: fewer than one mini-batch; use at least "
                f"batch_size={self.batch_size}"
            )
        return self

    @model_validator(mode="after")
    def _gaussian_needs_a_deviation(self) -> Self:
        model = self.model
        if isinstance(model, Inception) and model.init == "gaussian" and model.init_std is None:
            raise ValueError("model.init=gaussian: needs model.init_std=..., for example 0.01")
        return self

    @model_validator(mode="after")
    def _per_activation_needs_batch_norm(self) -> Self:
        if (
            isinstance(self.model, Inception)
            and self.model.per_activation_modules
            and not isinstance(self.norm, BatchNorm)
        ):
            raise ValueError(
                f"model.per_activation_modules={self.model.per_activation_modules}: only batch "
                "normalization has a per-activation form; use norm=batch"
            )
        return self

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        size = self.augmentation.size
        if size is None and self.augmentation.crop != "none":
            raise ValueError(
                f"augmentation.crop={self.augmentation.crop}: needs augmentation.size=..."
            )
        stored = self._stored_size()
        if size is not None and size > stored:
            raise ValueError(
                f"augmentation.size={size}: larger than the images; use at most {stored}"
            )
        return self

    @model_validator(mode="after")
    def _norm_after_needs_own_network(self) -> Self:
        is_moved = isinstance(self.norm, Placed) and self.norm.placement == "after"
        if is_moved and not isinstance(self.model, Mlp | Cnn | ConvNet):
            raise ValueError(
                f"norm.placement=after: not for model={self.model.name}; use model=mlp, cnn or "
                "convnet"
            )
        return self

    @model_validator(mode="after")
    def _groups_divide_the_batch(self) -> Self:
        if isinstance(self.norm, GhostBatchNorm) and self.batch_size % self.norm.examples:
            raise ValueError(
                f"norm.examples={self.norm.examples}: does not divide batch_size="
                f"{self.batch_size}; use a divisor of it"
            )
        return self

    @model_validator(mode="after")
    def _whitened_batch_is_larger_than_layers(self) -> Self:
        if isinstance(self.norm, Whitening) and isinstance(self.model, Mlp | Cnn):
            key, width = max(self._fully_connected(), key=lambda layer: layer[1])
            if self.batch_size <= width:
                raise ValueError(
                    f"batch_size={self.batch_size}: whitening needs more examples than {key}="
                    f"{width} units; use batch_size={width + 1} or more, or a narrower layer"
                )
        return self

    @model_validator(mode="after")
    def _instances_have_positions(self) -> Self:
        if isinstance(self.norm, InstanceNorm) and (layers := self._fully_connected()):
            raise ValueError(
                f"norm=instance: {layers[0][0]} is fully connected, and a feature of one value is "
                "its own mean; use model=convnet, or norm=layer"
            )
        return self

    @model_validator(mode="after")
    def _groups_divide_widths(self) -> Self:
        if isinstance(self.norm, GroupNorm):
            for key, width in self._widths():
                if width % self.norm.groups:
                    raise ValueError(
                        f"norm.groups={self.norm.groups}: does not divide {key}={width}; "
                        "use a divisor of every layer's width"
                    )
        return self

    @model_validator(mode="after")
    def _probed_unit_exists(self) -> Self:
        if not {"activation_inputs", "activation_histograms"} & set(self.measures):
            return self
        for key, width in self._widths():
            if self.probe.unit >= width:
                raise ValueError(
                    f"probe.unit={self.probe.unit}: {key} has {width} units; use 0 to {width - 1}"
                )
        return self

    def _fully_connected(self) -> list[tuple[str, int]]:
        """The hidden fully connected layers' widths, as far as the config tells them."""
        return [layer for layer in self._widths() if layer[0].startswith("model.hidden")]

    def _widths(self) -> list[tuple[str, int]]:
        """The layers' widths, as far as the config tells them."""
        match self.model:
            case Mlp(hidden=hidden):
                return [(f"model.hidden[{i}]", width) for i, width in enumerate(hidden)]
            case Cnn(channels=channels, hidden=hidden):
                return [("model.channels", channels), ("model.hidden", hidden)]
            case ConvNet(channels=maps):
                return [(f"model.channels[{i}]", count) for i, count in enumerate(maps)]
            case Inception(width=width):
                # The narrowest and the finest of Figure 5; all others are multiples of these.
                return [
                    ("Figure 5's 32 channels times model.width", max(1, round(32 * width))),
                    ("Figure 5's 40 channels times model.width", max(1, round(40 * width))),
                ]
            case Torchvision() | Python():
                return []

    def learning_rate(self, step: int) -> float:
        """The rate of update number ``step``, from 0."""
        return self.optim.learning_rate(step, self.steps, self.groups)

    @property
    def normalized_examples(self) -> int:
        """Examples that batch normalization normalizes together in training."""
        is_over_all = isinstance(self.norm, BatchNorm) and self.norm.group == "all"
        return self.batch_size * (self.groups if is_over_all else 1)

    @property
    def input_size(self) -> int:
        """Height and width that the network receives, in pixels."""
        return self.augmentation.size or self._stored_size()

    def _stored_size(self) -> int:
        match self.data:
            case Digits(size=size) | ImageFolder(stored_size=size):
                return size
            case Mnist():
                return 28
