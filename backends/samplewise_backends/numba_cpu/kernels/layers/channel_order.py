"""From channels first, as the network has them, to channels last, as layers on images have them.

Forward and backward are each other's inverse.
"""

from samplewise_backends.numba_cpu.compile.jit import kernel


@kernel
def channels_last(channels, x, z):
    """Write (pixels, channels) from (channels, pixels)."""
    pixels = z.shape[0] // channels
    for c in range(channels):
        for p in range(pixels):
            z[p * channels + c] = x[c * pixels + p]


@kernel
def channels_first(channels, x, z):
    """Write (channels, pixels) from (pixels, channels)."""
    pixels = z.shape[0] // channels
    for c in range(channels):
        for p in range(pixels):
            z[c * pixels + p] = x[p * channels + c]
