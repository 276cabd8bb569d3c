"""From channels first, as the network has them, to channels last, as layers on images have them.

Forward and backward are each other's inverse. Some pixels at a time: those of one channel lie as
far apart as there are channels, and an image may be larger than the nearest cache.
"""

from samplewise_backends.numba_cpu.compile.jit import kernel
from samplewise_backends.numba_cpu.compile.views import part

PIXELS_AT_ONCE = 128


@kernel
def channels_last(layer, x, z):
    """Write (pixels, channels) from (channels, pixels)."""
    channels = layer.channels
    pixels = layer.units // channels
    for first in range(0, pixels, PIXELS_AT_ONCE):
        count = min(PIXELS_AT_ONCE, pixels - first)
        for c in range(channels):
            source = part(x, c * pixels + first, count)
            target = part(z, first * channels + c, count * channels)
            for p in range(count):
                target[p * channels] = source[p]


@kernel
def channels_first(layer, x, z):
    """Write (channels, pixels) from (pixels, channels)."""
    channels = layer.channels
    pixels = layer.units // channels
    for first in range(0, pixels, PIXELS_AT_ONCE):
        count = min(PIXELS_AT_ONCE, pixels - first)
        for c in range(channels):
            source = part(x, first * channels + c, count * channels)
            target = part(z, c * pixels + first, count)
            for p in range(count):
                target[p] = source[p * channels]
