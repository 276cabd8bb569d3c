"""Layer normalisation of one sample."""

from __future__ import annotations

import numpy as np

from samplewise.network import LayerNorm
from samplewise_backends.reference.layers.base import Array, Backward, Forward, Gradients, Shape


def layer_norm(layer: LayerNorm, _: Shape) -> Forward:
    """z = w n + b with n = (a - mean(a)) / deviation and deviation = sqrt(variance + epsilon).

    dw = dz n; db = dz; da = (dn - mean(dn) - n mean(dn n)) / deviation, with dn = w dz.
    """

    def forward(a: Array, w: Array, b: Array) -> tuple[Array, Backward]:
        centred = a - a.mean()
        deviation = np.sqrt((centred * centred).mean() + a.dtype.type(layer.epsilon))
        n = centred / deviation

        def backward(dz: Array) -> Gradients:
            return (dz * n, dz), lambda: input_gradient(w * dz)

        def input_gradient(dn: Array) -> Array:
            return (dn - dn.mean() - n * (dn * n).mean()) / deviation

        return w * n + b, backward

    return forward
