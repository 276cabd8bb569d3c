import io

import numpy as np
import pytest
from PIL import Image

from samplewise.plots.rates import rate_sweep


@pytest.mark.parametrize("losses", [[1.0], [2.0, 2.0], [3.0, 1.0, 2.5], [-1.0, -2.0, 1e9]])
def test_a_sweep_is_drawn_whatever_its_losses(losses):
    rates = np.geomspace(1e-5, 1.0, len(losses)).tolist()
    smoothed = [min(losses[: k + 1]) for k in range(len(losses))]
    image = Image.open(io.BytesIO(rate_sweep(rates, losses, smoothed, 1e-2, "Rates $for")))
    assert image.format == "PNG"
    assert image.size == (864, 480)
