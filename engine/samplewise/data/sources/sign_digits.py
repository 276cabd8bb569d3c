"""The public photographs of signed digits: downloaded once, content checked, cached."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.data.labels import encode_labels
from samplewise.data.sources.archive import read_matching
from samplewise.data.sources.image_file import read_pixels
from samplewise.data.sources.npz_file import load_npz
from samplewise.data.sources.options import STRETCH
from samplewise.errors import DataError
from samplewise.io.reading import is_there
from samplewise.io.writing import write_bytes
from samplewise.warn import warn

COMMIT = "4b09433ef9d5c60602e8805bb54b8aa2428527f8"
URL = f"https://github.com/ardamavi/Sign-Language-Digits-Dataset/archive/{COMMIT}.zip"
CONTENT_SHA256 = "dcb2ae4be3d7735fcdd5afd3ac662c8515803a0ab9c5acce989eb085802de6d1"
URL_VARIABLE = "SAMPLEWISE_SIGN_DIGITS_URL"
CACHE_VARIABLE = "SAMPLEWISE_CACHE_DIR"
MAX_ARCHIVE_BYTES = 64 * 2**20
TIMEOUT_S = 30
"""The longest silence of the server; the whole download may take longer."""

SIZE = (28, 28)
_WANTED = re.compile(r"[^/]+/(Dataset/[0-9]/[^/]+\.JPG)")
_OTHERWISE = "or name a file you have with --data path/to/file.npz, or use --data synthetic"


def load_sign_digits(
    url: str | None = None, cache: Path | None = None, digest: str = CONTENT_SHA256
) -> Dataset:
    """Return the 2,062 photographs as grey 28x28 rows, uint8; the first call downloads 24 MB.

    Args:
        url: a zip or tar.gz of the repository; None for $SAMPLEWISE_SIGN_DIGITS_URL, else GitHub.
        cache: folder that keeps the rows; None for $SAMPLEWISE_CACHE_DIR, else the user's.
        digest: the expected `content_digest` of the files of the archive.

    Raises:
        DataError: no network, or what came is not these photographs (nothing is then cached), or
            the cached rows are damaged.
    """
    cached = (cache or _default_cache()) / f"sign-digits-{digest[:16]}.npz"
    if is_there(cached):
        X, digits = _read_cache(cached)
    else:
        archive = _download(url or os.environ.get(URL_VARIABLE) or URL)
        X, digits = _rows(_photographs(archive, digest))
        _keep(cached, X, digits)
    class_names, labels = encode_labels(digits, "sign-digits")
    return Dataset(
        name="sign-digits",
        X=X,
        labels=labels,
        class_names=class_names,
        source="Sign Language Digits Dataset (Mavi 2020, arXiv:2011.08927, Apache-2.0), "
        f"commit {COMMIT[:7]}, photographs made grey and resized to 28x28",
        image_shape=SIZE,
        full_scale=255.0,
    )


def content_digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of the lines `<SHA-256 of a file>  <path>`, sorted by path.

    Hosts pack the same commit into ever new bytes, so the archive itself has no lasting digest.
    """
    lines = (f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _default_cache() -> Path:
    import platformdirs

    named = os.environ.get(CACHE_VARIABLE)
    try:
        return Path(named or platformdirs.user_cache_dir("samplewise")).expanduser()
    except RuntimeError as error:  # nobody resolves the "~"
        raise DataError(
            f"sign-digits: no home folder is known to keep the photographs in ({error}); set "
            f"${CACHE_VARIABLE} to a folder, {_OTHERWISE}"
        ) from error


class _BoundedBuffer(io.BytesIO):
    def write(self, chunk: Any, /) -> int:
        if self.tell() + len(chunk) > MAX_ARCHIVE_BYTES:
            raise DataError(
                f"the download has over {MAX_ARCHIVE_BYTES:,} bytes, so it is not the photographs; "
                f"check ${URL_VARIABLE}, {_OTHERWISE}"
            )
        return super().write(chunk)


def _download(url: str) -> bytes:
    import pooch

    buffer = _BoundedBuffer()
    try:
        # Only pooch's transport: its own check wants the digest of the archive.
        pooch.HTTPDownloader(timeout=TIMEOUT_S)(url, buffer, None)
    except DataError:
        raise
    except (OSError, ValueError) as error:  # requests' errors are OSError; a bad address is both
        raise DataError(
            f"cannot download the sign digits from {printable(url)} ({printable(error)}); "
            f"check the network, {_OTHERWISE}"
        ) from error
    return buffer.getvalue()


def _photographs(archive: bytes, digest: str) -> dict[str, bytes]:
    files = read_matching(archive, _WANTED, "the downloaded archive of the sign digits")
    found = content_digest(files)
    if found != digest:
        raise DataError(
            f"the downloaded archive holds {len(files):,} photographs with the content digest "
            f"{found}, expected {digest}; check ${URL_VARIABLE}, {_OTHERWISE}"
        )
    return files


def _rows(files: Mapping[str, bytes]) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Return grey rows as uint8 (n, 784) and digits as text (n,), sorted by path."""
    paths = sorted(files)
    X = np.stack([read_pixels(files[path], printable(path), SIZE, STRETCH)[0] for path in paths])
    return X, np.array([path.split("/")[1] for path in paths])


def _keep(cached: Path, X: NDArray[np.uint8], digits: NDArray[np.str_]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, dataset=X, labels=digits)
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(cached, buffer.getvalue())
    except OSError as error:  # OutputError is one too
        warn(
            f"the sign digits cannot be cached and will be downloaded again ({error}); "
            f"set ${CACHE_VARIABLE} to a folder that can be written"
        )


def _read_cache(cached: Path) -> tuple[NDArray[Any], NDArray[np.str_]]:
    try:
        kept = load_npz(cached)
    except DataError as error:
        raise DataError(f"{error}. It is a cached copy: remove it to download again") from error
    return kept.X, np.array(kept.class_names)[kept.labels]
