"""What a run is told: frozen, checked on construction, every field explained under its name.

`bnrepro config --explain` prints the explanations, so each says the meaning, the unit and, where
the paper speaks of it, the section.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    model_validator,
)


def _each_once(choices: tuple[str, ...]) -> tuple[str, ...]:
    """A selection has no order: equal selections are equal configs."""
    return tuple(sorted(set(choices)))


PositiveInt = Annotated[int, Field(ge=1)]
NaturalInt = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Rate = Annotated[FiniteFloat, Field(ge=0)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
Threshold = Annotated[int, Field(ge=0, le=254)]
Epsilon = Annotated[FiniteFloat, Field(gt=0)]
MovingMomentum = Annotated[FiniteFloat, Field(gt=0, le=1)] | None
Activation = Literal["sigmoid", "relu"]
InputScale = Literal["symmetric", "unit", "pixels"]
Statistics = Literal["population", "pooled", "moving"]
Measure = Literal[
    "activation_histograms",
    "activation_inputs",
    "evaluation_statistics",
    "gamma",
    "gradient_norms",
    "gradient_shift",
    "jacobian",
    "landscape",
    "saturation",
    "training_set",
    "weight_norms",
]
TorchvisionName = Literal[
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "regnet_x_400mf",
    "regnet_x_800mf",
    "regnet_x_1_6gf",
    "regnet_x_3_2gf",
    "regnet_x_8gf",
    "regnet_x_16gf",
    "regnet_x_32gf",
    "regnet_y_400mf",
    "regnet_y_800mf",
    "regnet_y_1_6gf",
    "regnet_y_3_2gf",
    "regnet_y_8gf",
    "regnet_y_16gf",
    "regnet_y_32gf",
    "regnet_y_128gf",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]
_Selection = (Field(strict=False), AfterValidator(_each_once))

_CLASSES = {"tiny_imagenet": 200, "imagenette": 10, "imagenet": 1000}


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class Digits(_Section):
    """scikit-learn's handwritten digits: 1,797 images of 8x8, enlarged."""

    name: Literal["digits"]
    """The data set."""
    size: PositiveInt
    """Height and width that the images are enlarged to, in pixels."""
    channels: PositiveInt
    """Copies of the one grey channel: 3 for networks that take colour."""
    threshold: Threshold | None
    """Binary input: a pixel above this grey level (0 to 254) becomes 1, else 0; null: grey."""
    scale: InputScale = "symmetric"
    """What the network receives of grey levels: symmetric: from -1 to 1; unit: unit variance;
    pixels: 0 to 255 minus their mean."""
    train_examples: PositiveInt | None
    """Train on this many first training examples only; null: all of them."""

    @property
    def classes(self) -> int:
        """What a label is one of."""
        return 10


class Mnist(_Section):
    """MNIST: 60,000 training and 10,000 test images of 28x28."""

    name: Literal["mnist"]
    """The data set."""
    threshold: Threshold
    """Binary input (Section 4.1): a pixel above this grey level (0 to 254) becomes 1, else 0. The
    paper does not give the threshold."""
    binarize: Literal["threshold", "sample", "none"] = "threshold"
    """What "binary image" (Section 4.1) means; the paper does not say. threshold: as above. sample:
    each pixel of a training image is drawn anew at every step, 1 with its grey value as
    probability; test images by the threshold. none: grey levels, from 0 to 1."""
    train_examples: PositiveInt | None
    """Train on this many first training examples only; null: all of them."""
    root: str | None
    """Folder to look in first, which must exist; then BNREPRO_DATA, then the cache folder. No part
    of the run id."""

    @property
    def classes(self) -> int:
        """What a label is one of."""
        return 10


class ImageFolder(_Section):
    """A tree of image files, train/<class>/* and val/<class>/*, decoded once."""

    name: Literal["image_folder", "tiny_imagenet", "imagenette", "imagenet"]
    """The data set; they differ in their values alone."""
    folder: str
    """The tree: an absolute path, or a folder below data.root, BNREPRO_DATA, the current folder or
    the cache folder."""
    root: str | None
    """Folder to look in first; it must exist. No part of the run id."""
    num_classes: PositiveInt | None
    """Use so many classes, at least two, the first in a fixed shuffle of the sorted names; null:
    all."""
    stored_size: PositiveInt
    """Images are stored as centre squares of so many pixels a side, resized once."""
    storage: Literal["pixels", "jpeg"] = "pixels"
    """pixels: memory is mapped to them; jpeg: an eighth of the disk, decoded in every epoch (needs
    bnrepro[jpeg]), and the pixels are those of quality 90."""
    bad_images: Literal["error", "drop"]
    """A file that is no image: refuse the set, or drop the file and say so."""
    scale: InputScale = "symmetric"
    """What the network receives. symmetric: from -1 to 1; unit: about unit variance (ImageNet's
    mean and deviation); pixels: 0 to 255 minus ImageNet's mean, as in Caffe's GoogLeNet (2014).
    Without batch normalization it decides how large the signal is (Section 3.3)."""
    train_examples: PositiveInt | None
    """Train on this many first training examples only; null: all of them."""

    @property
    def classes(self) -> int | None:
        """What a label is one of; None: only the folder tells."""
        return self.num_classes or _CLASSES.get(self.name)


class Mlp(_Section):
    """Fully connected layers, each followed by a normalization and an activation (Section 4.1)."""

    name: Literal["mlp"]
    """The network."""
    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=1000, strict=False)]
    """Units of each hidden layer. The paper: three layers of 100 (Section 4.1)."""
    activation: Activation
    """The nonlinearity g of z = g(BN(Wu)). The paper's MNIST network: sigmoid."""
    init_std: Positive | None
    """Standard deviation of the Gaussian that the weights start from. The paper says "small random
    Gaussian values" (Section 4.1) and no number. null: by the layers' widths, as Glorot & Bengio
    2010 for sigmoids and as He et al. 2015 for ReLU."""
    dropout: Annotated[Rate, Field(lt=1)] = 0.0
    """Probability of Dropout; 0: none. The paper's MNIST network has none."""
    dropout_place: Literal["before_norm", "after_activation", "last"] = "after_activation"
    """Where Dropout stands: right before each normalization, behind each nonlinearity, or behind
    the last one alone, where no normalization follows (Li et al. 2019)."""


class Cnn(_Section):
    """conv3x3 - norm - activation - max pooling - fully connected - norm - activation - output."""

    name: Literal["cnn"]
    """The network."""
    channels: PositiveInt
    """Feature maps of the convolution."""
    hidden: PositiveInt
    """Units of the fully connected layer. Not a network of the paper."""
    activation: Activation
    """The nonlinearity."""
    init_std: Positive
    """Standard deviation of the Gaussian that the weights start from."""


class ConvNet(_Section):
    """conv3x3 - norm - activation, over and over, then the mean over positions and the output."""

    name: Literal["convnet"]
    """The network. Not one of the paper."""
    channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=200, strict=False)]
    """Feature maps of each convolution; where the count changes, the resolution is halved."""
    activation: Activation
    """The nonlinearity."""
    init: Literal["xavier", "he"]
    """How weights start: Glorot & Bengio 2010, or He et al. 2015."""


class Inception(_Section):
    """The paper's Inception variant (Figure 5)."""

    name: Literal["inception"]
    """The network."""
    activation: Activation
    """The nonlinearity. The paper: ReLU, and sigmoid for one variant (Section 4.2.2)."""
    width: Positive
    """Factor on every channel count of Figure 5."""
    init: Literal["xavier", "he", "caffe", "gaussian"]
    """How weights start; the paper does not say. caffe: uniform with variance 1 / fan in, biases of
    convolutions at 0.2, as public GoogLeNet recipes of the time had it, made for data.scale=pixels;
    xavier: Glorot & Bengio 2010; he: He et al. 2015."""
    init_std: Positive | None
    """Standard deviation of init=gaussian; the others do not use it."""
    conv_gain: Positive = 1.0
    """Factor on the initial weights of the convolutions: larger in some members of the ensemble
    (Section 4.2.3). The paper gives no number."""
    dropout: Annotated[Rate, Field(lt=1)]
    """Probability before the last layer: 40 % in Inception, none in the accelerated variants."""
    lrn: bool
    """Local response normalization: in Inception, removed from the accelerated ones."""
    aux_head: bool
    """GoogLeNet's auxiliary classifiers during training, loss weight 0.3. The paper is silent."""
    separable_stem: bool
    """The first convolution is 7x7 separable with depth multiplier 8 (Figure 5's caption)."""
    sums: Literal["literal", "printed"]
    """Figure 5's branch widths do not sum to its printed outputs in 4c, 4d and 4e: take the branch
    widths (literal), or narrower projections that give the outputs (printed)."""
    per_activation_modules: Annotated[int, Field(ge=0, le=2)]
    """So many last modules normalize per activation instead of per feature map (Section 4.2.3)."""


class Torchvision(_Section):
    """A classification network of torchvision, with random weights and this run's normalization."""

    name: TorchvisionName
    """The network, as in torchvision.models: those that take every normalization from outside."""


class Python(_Section):
    """A network of the user's own, from a function in a module of theirs."""

    name: Literal["python"]
    """The network."""
    factory: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """module:function, in the current folder or installed; called as function(num_classes,
    image_shape, norm, generator), it returns the nn.Module. norm.maps(C) and norm.features(C) make
    the normalization of C feature maps or features; generator is a torch.Generator with the seed,
    as is torch's own meanwhile."""
    source: str
    """Hash of that module's file, filled in by bnrepro: an edited network is another run. What the
    module imports is not in it."""


class NoNorm(_Section):
    """No normalization; layers keep their biases."""

    name: Literal["none"]
    """The normalization."""


class _Placed(_Section):
    placement: Literal["before", "after"] = "before"
    """Of the normalization: before the nonlinearity (Section 3.2), or after it (Mishkin et al.
    2016); after is for model=mlp, cnn and convnet."""
    bias: bool | None = None
    """Whether the linear maps have biases. null: where no normalization right behind them takes
    their place (Section 3.2)."""


class _BatchNorm(_Placed):
    eps: Epsilon
    """Added to the variance (Algorithm 1). The paper gives no value."""
    momentum: MovingMomentum
    """Weight of the newest batch in the moving averages (Section 3.1; no value given); null: the
    mean over all batches so far."""


class BatchNorm(_BatchNorm):
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


class BatchVariant(_BatchNorm):
    """Batch normalization changed in one respect."""

    name: Literal["batch_detached", "batch_noisy"]
    """batch_detached: the gradient takes mean and variance for constants (Section 2); batch_noisy:
    noise of changing mean and variance behind it (Santurkar et al. 2018, Section 2.1)."""


class GhostBatchNorm(_BatchNorm):
    """Batch normalization by groups of a mini-batch's examples (Hoffer et al. 2017)."""

    name: Literal["batch_ghost"]
    """The normalization."""
    examples: Annotated[int, Field(ge=2)]
    """In a group; must divide batch_size."""


class MeanOnlyBatchNorm(_Placed):
    """Batch normalization of the mean alone (Salimans & Kingma 2016)."""

    name: Literal["batch_mean_only"]
    """The normalization."""
    momentum: MovingMomentum
    """Weight of the newest batch in the moving average; null: the mean over all batches so far."""


class BatchRenorm(_BatchNorm):
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


class Whitening(_BatchNorm):
    """ZCA whitening of the mini-batch (Section 2; Huang et al. 2018)."""

    name: Literal["whitening"]
    """The normalization."""
    gradient: bool
    """Through the mini-batch's mean and covariance, too; false: they are taken for constants."""


class InstanceNorm(_Placed):
    """Instance normalization (Ulyanov et al. 2016): each feature map of each example by itself."""

    name: Literal["instance"]
    """The normalization."""
    eps: Epsilon
    """Added to the variance."""


class LayerNorm(_Placed):
    """Layer normalization (Ba et al. 2016)."""

    name: Literal["layer"]
    """The normalization."""
    eps: Epsilon
    """Added to the variance."""


class GroupNorm(_Placed):
    """Group normalization (Wu & He 2018)."""

    name: Literal["group"]
    """The normalization."""
    eps: Epsilon
    """Added to the variance."""
    groups: PositiveInt
    """Groups that a layer's channels are split into; must divide every layer's width."""


class _Optimizer(_Section):
    name: str
    """The optimizer."""
    lr: Rate
    """Base learning rate. The paper: 0.0015 on ImageNet (Section 4.2.2); none given for MNIST."""
    lr_multiplier: Rate
    """Factor on the base rate: the paper's x5 and x30 (Section 4.2.2)."""
    weight_decay: Rate
    """L2 penalty on all parameters, as a factor: g <- g + weight_decay w; with adamw apart from the
    gradient: w <- w - rate weight_decay w. The paper divides it by 5 for the accelerated networks
    (Section 4.2.1) and gives no value."""
    schedule: Literal["exponential", "cosine", "linear"] = "exponential"
    """How the rate falls: exponential, by decay_factor, as the paper's; cosine (Loshchilov & Hutter
    2017) and linear reach 0 at the run's end."""
    warmup_steps: NaturalInt = 0
    """Steps over which the rate rises linearly to what the schedule begins with (Goyal et al. 2017,
    Section 2.2, who begin with the rate of one group, here with 0). Presets: 0 with one group, else
    1/18 of the run, their 5 epochs of 90."""
    scaling: Literal["linear", "none"] = "linear"
    """How the rate follows groups. linear: groups times as large (Goyal et al. 2017, Section 2.1);
    none: not at all."""
    decay_factor: Annotated[Positive, Field(le=1)]
    """schedule=exponential: the rate is multiplied by this every decay_every steps; 1: constant.
    GoogLeNet: 0.96."""
    decay_every: PositiveInt
    """Steps between decays of the rate. GoogLeNet: 8 epochs, 320,000 steps of the paper."""

    def learning_rate(self, step: int, steps: int, groups: int) -> float:
        """The rate of update number ``step``, from 0, in a run of ``steps`` of so many groups."""
        rate = self.lr * self.lr_multiplier * self._warmup(step) * self._decay(step, steps)
        return rate * groups if self.scaling == "linear" else rate

    def _warmup(self, step: int) -> float:
        return (step + 1) / self.warmup_steps if step < self.warmup_steps else 1.0

    def _decay(self, step: int, steps: int) -> float:
        if self.schedule == "exponential":
            return self.decay_factor ** (step // self.decay_every)
        after = max(0, step - self.warmup_steps) / (steps - self.warmup_steps)
        return 1 - after if self.schedule == "linear" else (1 + math.cos(math.pi * after)) / 2


class Sgd(_Optimizer):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    """The optimizer."""
    momentum: Annotated[Rate, Field(lt=1)]
    """Weight of the past in the update v <- momentum v + g. The paper gives no value."""
    nesterov: bool = False
    """Nesterov's momentum (Sutskever et al. 2013): the update is g + momentum v."""
    bias_rate: Rate = 1.0
    """Factor on the rate of the biases of linear maps and convolutions. Caffe's GoogLeNet: 2."""
    bias_decay: bool = True
    """Whether the L2 penalty is on those biases, too. Caffe's GoogLeNet: no."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("optim.nesterov=true: needs optim.momentum=..., for example 0.9")
        return self


class Adam(_Optimizer):
    """Adam (Kingma & Ba 2015)."""

    name: Literal["adam", "adamw"]
    """adamw: with decoupled weight decay (Loshchilov & Hutter 2019)."""
    beta_1: Annotated[Rate, Field(lt=1)]
    """Weight of the past in the mean of the gradients."""
    beta_2: Annotated[Rate, Field(lt=1)]
    """Weight of the past in the mean of their squares."""
    eps: Epsilon
    """Added to the root of the mean of the squares."""


class Order(_Section):
    """How thoroughly training examples are shuffled (Section 4.2.1)."""

    shuffle: Literal["full", "within_shards", "shards"]
    """full: a new permutation every epoch; within_shards: shards, and examples within each; shards:
    the order of shards alone, so that the same examples always share a mini-batch."""
    shard_examples: PositiveInt
    """Examples in a shard; full ignores it. The paper gives no size."""


class Augmentation(_Section):
    """What happens to training images; held-out ones are cropped at the centre."""

    size: PositiveInt | None
    """Height and width that the network receives, in pixels; null: as stored."""
    crop: Literal["none", "random", "random_resized"]
    """random: a square of that size anywhere; random_resized: 8 to 100 % of the area, resized."""
    flip: bool
    """Mirror half of the images."""
    distortion: Literal["none", "weak", "strong"]
    """Brightness, contrast and saturation by factors of 1 +- 0.25 (weak) or 0.5 (strong; Howard
    2013). The accelerated variants distort less (Section 4.2.1); the paper does not say by how
    much."""


class Evaluation(_Section):
    """When and how the network is evaluated on held-out data."""

    every: PositiveInt
    """Steps between evaluations; step 0 and the last step are always evaluated. Figure 1 has a
    sample every 250 steps if its axis spans 50,000 (an inference)."""
    statistics: Statistics
    """What batch normalization uses at evaluation. population: Algorithm 2's averages over training
    mini-batches; pooled: the variance of all their examples together, which does not assume that
    those of a mini-batch are independent (Wu & Johnson 2021); moving: the moving averages (Section
    3.1 allows them for tracking accuracy)."""
    population_batches: PositiveInt
    """Training mini-batches (of the training size) that population and pooled statistics are
    estimated from, all where an epoch has fewer. The paper: "multiple" (Section 3.1)."""
    at: Annotated[tuple[PositiveInt, ...], Field(strict=False)] = ()
    """Steps that are evaluated besides, where every is too coarse: [1, 3, 10]."""
    compare: Annotated[
        tuple[Literal[Statistics, "batch"], ...], Field(min_length=1), *_Selection
    ] = ("batch", "moving", "population")
    """What the measure evaluation_statistics evaluates with: any of the above, and batch: the held-
    out mini-batch's own statistics, in mini-batches of 2, 4, ... 256 examples (Section 3.1)."""

    def due(self, steps: int) -> frozenset[int]:
        """The steps of a run of so many at which it is evaluated."""
        regular = range(0, steps, self.every)
        return frozenset({*regular, *(step for step in self.at if step < steps), steps})


class Probe(_Section):
    """What the measures of the inputs to the nonlinearities look at (Figure 1(b, c))."""

    unit: NaturalInt
    """The one unit (or feature map) of each hidden layer whose inputs are followed; fixed before
    training. The paper shows "one typical" unit and does not say which."""
    examples: PositiveInt
    """Held-out examples, the first ones, on which the inputs are observed; all where there are
    fewer. The paper does not say on which."""


class Record(_Section):
    """What goes into metrics.jsonl."""

    every: PositiveInt
    """Steps between rows of the training loss (mean cross-entropy, in nats, since the last row)."""


class Runtime(_Section):
    """Where and how the run executes; no part of its identity."""

    runs: str
    """Folder that holds the run directories."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """auto: CUDA, then Apple's MPS, then the CPU."""
    threads: Threads
    """CPU threads of each process. One thread a run and many runs side by side is the fastest."""
    processes: PositiveInt = 1
    """Processes, one a GPU, that share the groups of a step: they train to the same bytes as one.
    Preset: 1, or as many as torchrun has started."""
    compile: Literal["auto", "on", "off"]
    """Compile the training step with torch.compile; auto: on CPU and CUDA where the run is long
    enough to earn back the warm-up, if the machine can."""
    checkpoint_seconds: Annotated[FiniteFloat, Field(ge=0)]
    """Seconds between checkpoints; 0: after every step."""
    tensorboard: bool
    """Write TensorBoard events beside metrics.jsonl."""
    profile: bool
    """Write a torch.profiler trace of 20 steps into the run directory."""


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


class RunConfig(_Section):
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
    measures: Annotated[tuple[Measure, ...], *_Selection]
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
        if isinstance(self.norm, _BatchNorm | MeanOnlyBatchNorm) and self.batch_size < 2:
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
        is_moved = isinstance(self.norm, _Placed) and self.norm.placement == "after"
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
