"""Networks as records for the kernels, and the routines that these call by address."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samplewise.network import Loss, aligned_zeros
from samplewise.network.losses import Huber
from samplewise_backends.numba_cpu.compile.blas import gemm_address
from samplewise_backends.numba_cpu.compile.key import processor
from samplewise_backends.numba_cpu.compile.processors import vector_bytes
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.activations import activate_called, derivative_called
from samplewise_backends.numba_cpu.kernels.codes import ActivationCode, Kind, LossCode
from samplewise_backends.numba_cpu.kernels.layers.dense import LOOPS_UP_TO
from samplewise_backends.numba_cpu.kernels.layers.dispatch import layer_backward, layer_forward
from samplewise_backends.numba_cpu.kernels.losses import loss_called
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.kernels.products import first_product
from samplewise_backends.numba_cpu.kernels.tiled import ROWS_OF_VALUES, room_for
from samplewise_backends.numba_cpu.kernels.tiles import multiply_tiles, transpose
from samplewise_backends.numba_cpu.plans.arrays import Matrix, Vector
from samplewise_backends.numba_cpu.plans.lowering import Layers
from samplewise_backends.numba_cpu.plans.trainer import Losses, Windows

# Bytes of vectors, those of AVX2, whose tiles are about as fast as BLAS at least.
WIDE_ENOUGH = 32
LOSS_CODES = {
    "binary_cross_entropy": LossCode.BINARY,
    "categorical_cross_entropy": LossCode.CATEGORICAL,
    "multi_label_cross_entropy": LossCode.MULTI_LABEL,
    "mean_squared_error": LossCode.SQUARED,
    "mean_absolute_error": LossCode.ABSOLUTE,
    "huber": LossCode.HUBER,
    "poisson": LossCode.POISSON,
}


def describe_network(net: Struct, layers: Layers, loss: Loss | None = None) -> None:
    """Write the layers of a network into a `records.NETWORK`, and the routines that they need."""
    describe_networks(net, [layers], loss)


def describe_networks(nets: Struct, tables: Sequence[Layers], loss: Loss | None = None) -> None:
    """Write the layers of each network into its `records.NETWORK`, and the routines of all.

    Routines that nothing needs are not compiled, and 0 here.
    """
    nets.set(gemm=gemm_address(nets.dtype.name), tiny=np.finfo(nets.dtype).tiny)
    nets.set_each(layers=list(tables), depth=[len(layers) for layers in tables])
    if loss is not None:
        code = LOSS_CODES[loss.name]
        nets.set(loss=code, delta=loss.delta if isinstance(loss, Huber) else 0)
        if code > LossCode.CATEGORICAL:
            nets.set(row_loss=loss_called)
    for layers in tables:
        describe_activations(nets, layers, training=loss is not None)
        _describe_called(nets, layers, training=loss is not None)


def _describe_called(nets: Struct, layers: Layers, *, training: bool) -> None:
    """Write the routines of layers that are not dense, where there is one."""
    called = layers["kind"] != Kind.DENSE
    if not called.any():
        return
    nets.set(layer_forward=layer_forward)
    if training:
        nets.set(layer_backward=layer_backward)
    if training and (called & (layers["trained"] > 0)).any():
        nets.set(update=update)


def describe_activations(nets: Struct, layers: Layers, *, training: bool) -> None:
    """Write the routines of the rarer activations, where a layer has one."""
    if (layers["activation"] > ActivationCode.RELU).any():
        nets.set(activate=activate_called)
        if training:
            nets.set(derivative=derivative_called)


def give_buffers(nets: Struct, size: int, gradient: int | None = None) -> Vector:
    """Give networks that run one after the other the same buffers; return that of outputs.

    It has `size` elements. `gradient` is the maximum number of parameters whose gradients are kept
    at once; None to predict.
    """
    A = aligned_zeros(size, nets.dtype)
    nets.set(A=A, buffered=size)
    if gradient is not None:
        dZ, gradients = aligned_zeros(size, nets.dtype), aligned_zeros(gradient, nets.dtype)
        nets.set(dZ=dZ, gradient=gradients, gradient_size=gradient)
    return A


def describe_product(product: Struct, units: int) -> None:
    """Write what all products of up to so many units have in common into a `records.PRODUCT`."""
    product.set(gemm=gemm_address(product.dtype.name), take=first_product)
    _give_room(product, units)


def _give_room(product: Struct, units: int) -> None:
    """Write what products of up to so many units in tiles need into a `records.PRODUCT`."""
    dtype = product.dtype
    product.set(tiny=np.finfo(dtype).tiny, room=aligned_zeros(room_for(units), dtype))
    describe_tiles(product, max(units, ROWS_OF_VALUES))


def describe_tiles(caller: Struct, longest: int) -> None:
    """Write what `kernels.tile_calls` needs, to transpose matrices of up to so many rows."""
    dtype = caller.dtype
    caller.set(multiply=multiply_tiles, transpose=transpose, counted=np.arange(longest))
    caller.set(zero=aligned_zeros(1, dtype))
    for name in ("tiles", "transposed"):
        caller.inner(name).set(tiny=np.finfo(dtype).tiny)
    caller.inner("tiles").set(times=1)


def units_in_tiles(layers: Layers, rows: int) -> int:
    """Return the most units of a dense layer whose products come in tiles, 0 where none do."""
    dense = layers[(layers["kind"] == Kind.DENSE) & (rows * layers["weights"] > LOOPS_UP_TO)]
    return int(dense["units"].max(initial=0)) if rows > 1 and has_tiles() else 0


def has_tiles() -> bool:
    """Return False where vectors are of 16 bytes: tiles are not made for them."""
    return vector_bytes(*processor()) >= WIDE_ENOUGH


def take_tiles(net: Struct, units: int) -> None:
    """Let the products of a network's dense layers, of up to so many units, come in tiles."""
    if units > 0:
        net.set(in_tiles=1)
        _give_room(net.inner("product"), units)


def largest_gradient(layers: Layers) -> int:
    """Return the maximum number of weights and biases in one layer."""
    return int((layers["weights"] + layers["biases"]).max(initial=0))


def begin_windows(nets: Struct, Y: Matrix, steps: Windows, losses: Losses) -> None:
    """Set each `records.NETWORK` to the start of a window, all but parameters, batch and step.

    `losses` are in the order of the epoch.
    """
    nets.set(Y=Y, samples=len(Y), outputs=Y.shape[1])
    nets.set_each(
        order=[step.order for step in steps],
        losses=losses,
        weighted=[step.weights is not None for step in steps],
        weights=[step.weights for step in steps],
        decides=[step.decisions is not None for step in steps],
        decisions=[step.decisions for step in steps],
        dropout_key=[_signed(step.dropout_key) for step in steps],
    )
    nets.inner("hyper").set_each(rate=[step.learning_rate for step in steps])


def _signed(key: int) -> int:
    """Return 64 bits as the int64 that has them."""
    return key - 2**64 if key >= 2**63 else key
