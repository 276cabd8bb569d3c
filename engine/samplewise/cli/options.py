"""The options that several commands share. None means: not given on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    str | None,
    typer.Option(
        help="synthetic, synthetic:SEED, sign-digits, digits, breast_cancer, iris, wine, or the "
        "path of an .npz, a .csv or a folder of images.",
        show_default="synthetic",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Classes to keep, as in 4,9; a name with a comma in double quotes.",
        show_default="all",
    ),
]
Label = Annotated[
    str | None,
    typer.Option(help="Label column of a table.", show_default="label, labels, class or target"),
]
Drop = Annotated[str | None, typer.Option(help="Columns of a table to leave out, as in id,date.")]
ImageSize = Annotated[
    str | None,
    typer.Option(help="HEIGHTxWIDTH to bring a folder's images to.", show_default="28x28"),
]
Fit = Annotated[
    str | None,
    typer.Option(
        help="How an image of another shape is brought to that size: stretch, pad or crop.",
        show_default="stretch",
    ),
]
FullScale = Annotated[
    str | None,
    typer.Option(
        help="Value of a white pixel; makes the rows of an array images.",
        show_default="255 for image files and uint8 arrays",
    ),
]
Preprocess = Annotated[
    str | None, typer.Option(help="auto, scale, standardize or none.", show_default="auto")
]
Split = Annotated[
    str | None, typer.Option(help="Share of the rows kept for testing.", show_default="0.2")
]
Stratify = Annotated[
    bool | None,
    typer.Option("--stratify/--no-stratify", help="Split each class in the same proportion."),
]
Hidden = Annotated[
    str | None,
    typer.Option(help="Units of the hidden layers, as in 10 or 128,32 or none.", show_default="10"),
]
Activation = Annotated[
    str | None,
    typer.Option(
        help="identity, sigmoid, tanh, relu, leaky_relu, elu, selu, gelu, gelu_tanh, silu or "
        "softplus.",
        show_default="sigmoid",
    ),
]
Layers = Annotated[
    str | None,
    typer.Option(
        help="All layers, instead of --hidden: as in 'conv 8x3 relu, pool 2, dense 10'.",
        show_default="those of --hidden",
    ),
]
Loss = Annotated[
    str | None,
    typer.Option(
        help="auto, binary_cross_entropy or categorical_cross_entropy; for numbers as labels, "
        "mean_squared_error, mean_absolute_error, huber, poisson or multi_label_cross_entropy.",
        show_default="auto",
    ),
]
LabelSmoothing = Annotated[
    str | None,
    typer.Option(
        help="Of the cross-entropies: share of a target spread over all classes.", show_default="0"
    ),
]
Delta = Annotated[
    str | None, typer.Option(help="Of huber: the error from which it is linear.", show_default="1")
]
LearningRate = Annotated[
    str | None, typer.Option(help="Size of a step, above 0.", show_default="0.1")
]
Epochs = Annotated[
    str | None, typer.Option(help="Passes over the training rows.", show_default="10")
]
BatchSize = Annotated[str | None, typer.Option(help="Rows of one update.", show_default="1")]
Shuffle = Annotated[
    bool | None, typer.Option("--shuffle/--no-shuffle", help="Draw a new order for every epoch.")
]
OrderSeed = Annotated[
    str | None, typer.Option(help="Decides the shuffled orders.", show_default="the seed")
]
Augment = Annotated[
    str | None,
    typer.Option(
        help="Other views of the images for every epoch: as in 'shift 2, rotate 10, noise 0.05'.",
        show_default="none",
    ),
]
Optimizer = Annotated[
    str | None, typer.Option(help="sgd, adam, rmsprop or adagrad.", show_default="sgd")
]
Momentum = Annotated[
    str | None,
    typer.Option(help="Of sgd: share of the last update kept in the next.", show_default="0"),
]
Nesterov = Annotated[
    bool | None, typer.Option("--nesterov/--no-nesterov", help="Of sgd: Nesterov's momentum.")
]
Beta1 = Annotated[
    str | None, typer.Option("--beta1", help="Of adam: decay of the mean.", show_default="0.9")
]
Beta2 = Annotated[
    str | None, typer.Option("--beta2", help="Of adam: decay of the square.", show_default="0.999")
]
Rho = Annotated[
    str | None, typer.Option(help="Of rmsprop: decay of the square.", show_default="0.99")
]
Epsilon = Annotated[
    str | None,
    typer.Option(help="Of all but sgd: added to the root.", show_default="1e-8, adagrad 1e-10"),
]
L1 = Annotated[
    str | None,
    typer.Option("--l1", help="Weight of the penalty on the weights' sizes.", show_default="0"),
]
L2 = Annotated[
    str | None,
    typer.Option("--l2", help="Weight of the penalty on their squares.", show_default="0"),
]
WeightDecay = Annotated[
    str | None, typer.Option(help="Decoupled decay; with adam, AdamW.", show_default="0")
]
ClipValue = Annotated[
    str | None, typer.Option(help="Limit of each entry of a gradient.", show_default="none")
]
ClipNorm = Annotated[
    str | None, typer.Option(help="Limit of a gradient's norm.", show_default="none")
]
Seed = Annotated[
    str | None, typer.Option(help="Decides weights, order and split.", show_default="0")
]
Init = Annotated[
    str | None,
    typer.Option(
        help="normal, glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, "
        "lecun_uniform, orthogonal or zeros.",
        show_default="normal",
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(help="A name that `samplewise backends` lists, or auto.", show_default="auto"),
]
Dtype = Annotated[str | None, typer.Option(help="float64 or float32.", show_default="float64")]
Threads = Annotated[
    str | None, typer.Option(help="Threads of the matrix products.", show_default="1")
]
Plan = Annotated[
    str | None,
    typer.Option(
        help="How the backend trains: auto, direct, blocked or dual. Same results, other speed.",
        show_default="auto",
    ),
]
MemoryMb = Annotated[
    str | None,
    typer.Option(
        "--memory-mb", help="MiB that a plan may keep beside the data.", show_default="512"
    ),
]
TrackAccuracy = Annotated[
    bool | None,
    typer.Option(
        "--track-accuracy/--no-track-accuracy", help="Measure the accuracy after every epoch."
    ),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        help="Of the learning rate: constant, step, exponential, cosine, one_cycle, "
        "inverse_scaling or plateau.",
        show_default="constant",
    ),
]
WarmupSteps = Annotated[
    str | None, typer.Option(help="First steps, in which the rate rises.", show_default="0")
]
Decay = Annotated[
    str | None,
    typer.Option(
        help="Of step, plateau and exponential: factor of each fall.",
        show_default="0.1, exponential 0.9",
    ),
]
Every = Annotated[
    str | None, typer.Option(help="Of step: epochs between two falls.", show_default="none")
]
FinalRate = Annotated[
    str | None,
    typer.Option(
        help="Of cosine and one_cycle: the rate at the end; of plateau: the lowest.",
        show_default="0, one_cycle the rate / 250,000",
    ),
]
Power = Annotated[
    str | None, typer.Option(help="Of inverse_scaling: of the steps.", show_default="0.5")
]
PlateauEpochs = Annotated[
    str | None,
    typer.Option(help="Of plateau: epochs without improvement before a fall.", show_default="5"),
]
ValidationFraction = Annotated[
    str | None,
    typer.Option(help="Share of the training rows to validate on.", show_default="none"),
]
Monitor = Annotated[
    str | None,
    typer.Option(
        help="auto, loss, accuracy, validation_loss or validation_accuracy: what says which epoch "
        "is the best.",
        show_default="auto",
    ),
]
Patience = Annotated[
    str | None,
    typer.Option(help="End after so many epochs without improvement.", show_default="never"),
]
MinDelta = Annotated[
    str | None, typer.Option(help="What counts as an improvement.", show_default="0")
]
KeepBest = Annotated[
    bool | None,
    typer.Option(
        "--keep-best/--keep-last",
        help="Keep the weights of the best epoch.",
        show_default="best with --patience",
    ),
]
TargetLoss = Annotated[str | None, typer.Option(help="End at such a loss.", show_default="never")]
TargetAccuracy = Annotated[
    str | None, typer.Option(help="End at such an accuracy.", show_default="never")
]
MaxSeconds = Annotated[
    str | None, typer.Option(help="End after so many seconds.", show_default="never")
]
MaxSteps = Annotated[
    str | None, typer.Option(help="End after so many steps.", show_default="never")
]
ClassWeight = Annotated[
    str | None,
    typer.Option(
        help="How often rows count: balanced, or by class as in cat:1,dog:2.5; a name with a "
        "comma or colon in double quotes.",
        show_default="1 each",
    ),
]
EmaDecay = Annotated[
    str | None,
    typer.Option(help="Average the weights once an epoch, with this decay.", show_default="none"),
]
ModelPath = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")
]
Sha256 = Annotated[
    str | None, typer.Option("--sha256", help="Refuse the model unless its file has this SHA-256.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that exists.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with the same words as the options.")
]
