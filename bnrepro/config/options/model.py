"""What a run is told of its network."""

from typing import Annotated, Literal

from pydantic import Field

from bnrepro.config.options.section import Positive, PositiveInt, Rate, Section

Activation = Literal["sigmoid", "relu"]
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


class Mlp(Section):
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


class Cnn(Section):
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


class ConvNet(Section):
    """conv3x3 - norm - activation, over and over, then the mean over positions and the output."""

    name: Literal["convnet"]
    """The network. Not one of the paper."""
    channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=200, strict=False)]
    """Feature maps of each convolution; where the count changes, the resolution is halved."""
    activation: Activation
    """The nonlinearity."""
    init: Literal["xavier", "he"]
    """How weights start: Glorot & Bengio 2010, or He et al. 2015."""


class Inception(Section):
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


class Torchvision(Section):
    """A classification network of torchvision, with random weights and this run's normalization."""

    name: TorchvisionName
    """The network, as in torchvision.models: those that take every normalization from outside."""


class Python(Section):
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
