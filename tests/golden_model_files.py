"""Model files as earlier versions wrote them: they must be read for ever."""

import base64
import zlib


def _bytes(text):
    return zlib.decompress(base64.b64decode(text))


FORMAT_1_IMAGES = _bytes(
    "eNp9kcFKw0AQhvUp9CiLx1DSkpaaSxHRV/DQDcs02TRLk03YnVpCiadefA8fwLMi7QMIXjzpSRBRsNBHcLMpKAju"
    "bWb++eaf2c3ujn1zwljGESJAYIz4c6IhK1I+E5oTn8wpiXOVAVLitx36q2gSlLitdsulxBQkx1muJiZrWoQspsh0"
    "AkUtG3qBEaRQcqXr0AgmQkYWEHFZo0x9KgXq7RQIUVwAilxakTAqFFhSUgVVjcq1toWRkKBKFiqTYEaj8qK0sDAF"
    "rbmdRolnU0eU1DYKxQuVh1xrIceNWwlZs40OIW3MxNM0ZdvQ73S7LbeeKzIY85+1Ok6nJqICIXnEtmZ1KTHhKEIL"
    "irAsGnic5oA946UilWMONxKg63Nbhbn0Wc8jDrFww24HDrFfksex5miUQ9fpB7ZzxsU4wX96He9vd9/x3KCqDtYn"
    "7/ve4evyePFytd5bDR5O7z8fP1bL7Ca5Pr98G2yeFl93z7eDbxJavR4="
)
"""A sigmoid network without hidden layer on images of 2 x 2, white at 255."""

FORMAT_1_TABLE = _bytes(
    "eNqVUr2O00AQjqDgp6Kg51gKhGRFiW35pEh3oeFKOiocLYO9TlZnr63dyQUningD6utO1/AOFJx5AUpo6ZBAFIiO"
    "AsTsbkB3CkLCzXi/v5nx+vhSzz0rxnklEHJA4JyNVsxA1ZRiIY1gI7ZKWVHrCjBlo2GQniMJSNmgP+wPUkaEErio"
    "9SGhZJGqmSM3M2is7HE8IUEJrdDGHklwKFXuAnKhbBTxcyXR0hG9Q4byCFDWyokkqVBim7L1ZG2jamMckQGKaa1l"
    "BiXPNKGchLpuWpeYlWCMcC1T9sxBnlimzE7UaNHoOhPGSDX1gyuo/GIGQeWgc7n00xXzsuSG+lha0cHOISuYij9r"
    "WpRA1CCVyPlmdtMqnAmUmYvJsW18g6KsAaOQVmLr4OIo/VwcSbe9vQ5noZs4SGIWMNfMf1LmrqwuCiPQEDQIonCy"
    "lVUJ+L+YKAyS2OYM+k8lmAveKDznjba9SRzsJt67EHI6w3+4g7/03k2CYUjN1zs7/u/8Ova1d9+Xq5t6Y1N/P9u6"
    "h29vvvly/cnZ5eVJV3a9/ecHV85ef7sz/vDu/d7p7WvdD/Zqv/30cvzR6PHPu3H36Ptp9/nFrU49uLf3CzrJAAM="
)
"""One of three classes on a standardized table of four columns, in float32."""
