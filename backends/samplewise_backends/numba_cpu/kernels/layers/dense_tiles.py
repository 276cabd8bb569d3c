"""The products of a dense layer of a batch of rows in tiles of sums in registers: see `tiles`.

Here a holds the layer's inputs, rows `a_ld` apart, and dz the gradients of its outputs.
"""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel
from samplewise_backends.numba_cpu.compile.vectors import lanes_of
from samplewise_backends.numba_cpu.compile.views import address_of, call, matrix_at
from samplewise_backends.numba_cpu.kernels.tile_calls import describe_tiles, matrix_from
from samplewise_backends.numba_cpu.kernels.tiled import update_in_tiles, values_in_tiles


@inlined_kernel
def takes_tiles(net, layer):
    """Return True if the products of a layer come in tiles: a row of inputs fills a vector."""
    return net.in_tiles != 0 and layer.inputs >= lanes_of(net.tiny)


@inlined_kernel
def forward_in_tiles(net, layer, a, a_ld, weights, bias, z):
    """Write Z = A W^T + b."""
    given, like = net.product, net.tiny
    given.ld = layer.ld
    A = matrix_at(address_of(a), net.rows, a_ld, like)
    W = matrix_at(address_of(weights), layer.units, layer.inputs, like)
    values_in_tiles(given, A, W, z, address_of(bias), 1)


@inlined_kernel
def input_gradient_in_tiles(net, layer, dz, weights, dX, dX_ld):
    """Write dX = dZ W."""
    W = matrix_at(address_of(weights), layer.units, layer.inputs, net.tiny)
    out = matrix_at(address_of(dX), net.rows, dX_ld, net.tiny)
    _write_product(net.product, out, dz, layer.ld, 1, W, layer.inputs)


@inlined_kernel
def gradient_in_tiles(net, layer, dz, units, a, a_ld, out):
    """Write dZ^T A, the gradient of the weights of some units; `dz` starts with the first one."""
    A = matrix_at(address_of(a), net.rows, a_ld, net.tiny)
    dW = matrix_at(address_of(out), units, layer.inputs, net.tiny)
    _write_product(net.product, dW, dz, 1, layer.ld, A, layer.inputs)


@inlined_kernel
def plain_step_in_tiles(net, layer, dz, a, a_ld, weights):
    """Take one step of plain SGD, W <- W - rate dZ^T A; dz is multiplied by the rate."""
    given, like, size = net.product, net.tiny, net.rows * layer.ld
    for i in range(size):
        dz[i] *= -net.hyper.rate
    given.ld = layer.ld
    A = matrix_at(address_of(a), net.rows, a_ld, like)
    W = matrix_at(address_of(weights), layer.units, layer.inputs, like)
    update_in_tiles(given, dz, A, W)


@kernel
def _write_product(given, out, a, a_unit, a_inner, b, columns):
    """Write the product of `tiles.multiply`, and nothing behind it, nor read behind b.

    Where columns fill no whole vectors, the last vector ends with them.
    """
    lanes = lanes_of(given.tiny)
    whole = columns // lanes * lanes
    describe_tiles(given, out, a, a_unit, a_inner, b, whole)
    call(given.multiply, given.tiles)
    if whole < columns:
        last = columns - lanes
        out, b = matrix_from(out, last, out.shape[0]), matrix_from(b, last, b.shape[0])
        describe_tiles(given, out, a, a_unit, a_inner, b, lanes)
        call(given.multiply, given.tiles)
