"""Layers as a short text and back: "conv 8x3 relu, pool 2, dense 10".

| text | layer |
|---|---|
| `dense 10 relu` | 10 units |
| `conv 8x3 stride 2 same relu` | 8 filters of 3 by 3; `8x3x5` are 3 rows by 5 columns |
| `pool 2`, `avg_pool 3x2 stride 1` | the largest value, or the mean, of windows |
| `global_avg_pool`, `flatten`, `layer_norm` | themselves |
| `dropout 0.5` | the share that is dropped |

An activation, where a layer takes one, comes next. A layer with weights may end in `frozen`: then
training never changes them.
"""

from __future__ import annotations

from collections.abc import Callable

from samplewise.checks import printable, suggestion
from samplewise.errors import ParameterError
from samplewise.network.layers import (
    FROZEN,
    LAYERS,
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Layer,
    MaxPool2D,
)

STRIDE, SAME = "stride", "same"
MAX_TEXT = 10_000
# More than any size that can be trained has.
MAX_DIGITS = 10


def layers_from(text: str) -> tuple[Layer, ...]:
    """Return the layers that a text describes, in order.

    Raises:
        ParameterError: a part of it describes none; the message names the part.
    """
    if len(text) > MAX_TEXT:
        raise ParameterError(f"layers take {len(text):,} characters, but {MAX_TEXT:,} are allowed")
    return tuple(_layer(part.strip()) for part in text.split(","))


def layer_spec(layers: tuple[Layer, ...]) -> str:
    """Return the text that `layers_from` reads as these layers."""
    return ", ".join(" ".join(_spec(layer)) for layer in layers)


def _layer(part: str) -> Layer:
    kind, *words = part.split() or [""]
    if kind not in READERS:
        raise ParameterError(
            f"'{printable(part)}' is not a layer; it starts with {', '.join(READERS)}"
            f"{suggestion(kind, READERS)}"
        )
    try:
        layer = _frozen(READERS[kind](words), words)
    except ParameterError as error:
        raise ParameterError(f"layer '{printable(part)}': {error}") from None
    if words:
        raise ParameterError(f"unexpected '{printable(words[0])}' in layer '{printable(part)}'")
    return layer


def _frozen(layer: Layer, words: list[str]) -> Layer:
    """Return the layer, frozen where the next word says so."""
    if words[:1] != [FROZEN]:
        return layer
    words.pop(0)
    frozen = layer.with_trainable(False)
    if frozen.trainable:
        raise ParameterError("it has no weights to be frozen")
    return frozen


def _dense(words: list[str]) -> Layer:
    (units,) = _sizes(words, 1, "a number of units, as in dense 10")
    return Dense(units, _activation(words))


def _conv(words: list[str]) -> Layer:
    filters, *kernel = _sizes(words, 3, "filters and size, as in conv 8x3 or conv 8x3x5")
    if not kernel:
        raise ParameterError("a size of the kernel is missing, as in conv 8x3")
    stride, padding = _stride(words), "valid"
    if words and words[0] == SAME:
        padding = words.pop(0)
    size = kernel[0], kernel[-1]
    return Conv2D(filters, size, 1 if stride is None else stride, padding, _activation(words))


def _pool(kind: type[MaxPool2D | AvgPool2D]) -> Callable[[list[str]], Layer]:
    def read(words: list[str]) -> Layer:
        sizes = _sizes(words, 2, "a size, as in pool 2 or pool 2x3 stride 1")
        return kind((sizes[0], sizes[-1]), _stride(words))

    return read


def _dropout(words: list[str]) -> Layer:
    text = words.pop(0) if words else ""
    try:
        return Dropout(float(text))
    except ValueError as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError("a share is missing, as in dropout 0.5") from None


_WITH_OPTIONS: dict[type[Layer], Callable[[list[str]], Layer]] = {
    Dense: _dense,
    Conv2D: _conv,
    MaxPool2D: _pool(MaxPool2D),
    AvgPool2D: _pool(AvgPool2D),
    Dropout: _dropout,
}


def _reader(layer: type[Layer]) -> Callable[[list[str]], Layer]:
    return _WITH_OPTIONS.get(layer, lambda _: layer())


READERS = {
    "pool" if layer is MaxPool2D else layer.kind: _reader(layer) for layer in LAYERS.values()
}


def _sizes(words: list[str], most: int, wanted: str) -> list[int]:
    parts = words.pop(0).split("x") if words else []
    if not 1 <= len(parts) <= most or not all(part.isascii() and part.isdigit() for part in parts):
        raise ParameterError(f"it needs {wanted}")
    for part in parts:
        if len(part) > MAX_DIGITS:
            raise ParameterError(f"'{printable(part)}' has more than {MAX_DIGITS} digits")
    return [int(part) for part in parts]


def _stride(words: list[str]) -> int | None:
    if not words or words[0] != STRIDE:
        return None
    words.pop(0)
    (stride,) = _sizes(words, 1, "a stride, as in stride 2")
    return stride


def _activation(words: list[str]) -> str:
    return "identity" if words[:1] in ([], [FROZEN]) else words.pop(0)


def _spec(layer: Layer) -> list[str]:
    after = [] if layer.activation == "identity" else [layer.activation]
    after += [] if layer.trainable else [FROZEN]
    match layer:
        case Dense():
            return ["dense", str(layer.units), *after]
        case Conv2D():
            stride = [] if layer.stride == 1 else [STRIDE, str(layer.stride)]
            padding = [SAME] if layer.padding == SAME else []
            return ["conv", f"{layer.filters}x{_by(layer.kernel)}", *stride, *padding, *after]
        case MaxPool2D() | AvgPool2D():
            kind = "pool" if isinstance(layer, MaxPool2D) else layer.kind
            stride = [] if layer.size == (layer.step,) * 2 else [STRIDE, str(layer.step)]
            return [kind, _by(layer.size), *stride]
        case Dropout():
            return [layer.kind, str(layer.rate)]
    return [layer.kind, *after]


def _by(size: tuple[int, int]) -> str:
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"
