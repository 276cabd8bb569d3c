"""The download of the public photographs, against a server on this machine."""

import hashlib
import http.server
import io
import threading
from pathlib import Path

import numpy as np
import pytest
from archive_bytes import as_tar_gz, as_zip
from PIL import Image

from limits import joined
from samplewise.data.sources import sign_digits
from samplewise.data.sources.sign_digits import CONTENT_SHA256, content_digest, load_sign_digits
from samplewise.errors import DataError


def photograph(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


FILES = {
    f"Dataset/{digit}/IMG_{number}.JPG": photograph(10 * digit + number)
    for digit in range(10)
    for number in (2, 1)
}
DIGEST = content_digest(FILES)
OTHERS = {"README.md": b"x" * 3000, "Examples/example_0.JPG": b"no image", "Dataset/x/1.JPG": b""}


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` for every path; counts requests; can cut the answer short."""

    content = as_zip(FILES | OTHERS)
    status = 200
    missing = 0
    requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: len(self.server.content) - self.server.missing])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        joined(thread)


def url_of(server):
    return f"http://127.0.0.1:{server.server_port}/archive.zip"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "deep" / "cache"


def kept(cache):
    return [path.name for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize("pack", [as_zip, as_tar_gz])
def test_download_gives_every_photograph(server, cache, pack):
    server.content = pack(FILES | OTHERS)
    dataset = load_sign_digits(url_of(server), cache, DIGEST)
    assert dataset.class_names == tuple("0123456789")
    assert dataset.labels.tolist() == [digit for digit in range(10) for _ in range(2)]
    assert (dataset.X.shape, dataset.X.dtype) == ((20, 784), np.uint8)
    assert (dataset.image_shape, dataset.full_scale) == ((28, 28), 255.0)
    with Image.open(io.BytesIO(FILES["Dataset/3/IMG_1.JPG"])) as image:
        grey = image.convert("L").resize((28, 28), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(dataset.X[6].reshape(28, 28), np.asarray(grey))


def test_a_photograph_of_a_camera_among_them_gives_its_row(server, cache):
    pixels = np.random.default_rng(9).integers(0, 256, (900, 1000, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=100)
    assert len(buffer.getvalue()) > 2**20
    files = FILES | {"Dataset/7/IMG_5874.JPG": buffer.getvalue()}
    server.content = as_zip(files)
    dataset = load_sign_digits(url_of(server), cache, content_digest(files))
    with Image.open(buffer) as image:
        grey = image.convert("L").resize((28, 28), Image.Resampling.LANCZOS)
    # By path: the third of the class.
    np.testing.assert_array_equal(dataset.X[16].reshape(28, 28), np.asarray(grey))


def test_second_call_makes_no_request(server, cache):
    first = load_sign_digits(url_of(server), cache, DIGEST)
    second = load_sign_digits(url_of(server), cache, DIGEST)
    assert server.requests == 1
    assert kept(cache) == [f"sign-digits-{DIGEST[:16]}.npz"]
    assert first.fingerprint() == second.fingerprint()
    assert (first.name, first.source, first.image_shape, first.full_scale) == (
        second.name,
        second.source,
        second.image_shape,
        second.full_scale,
    )


def test_environment_names_server_and_cache(server, cache, monkeypatch):
    monkeypatch.setenv("SAMPLEWISE_SIGN_DIGITS_URL", url_of(server))
    monkeypatch.setenv("SAMPLEWISE_CACHE_DIR", str(cache))
    assert len(load_sign_digits(digest=DIGEST)) == 20
    assert len(kept(cache)) == 1


def test_default_cache_is_the_users(monkeypatch):
    monkeypatch.delenv("SAMPLEWISE_CACHE_DIR", raising=False)
    assert "samplewise" in str(sign_digits._default_cache())


def test_content_digest_is_as_documented():
    lines = (
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  Dataset/0/a.JPG\n"
        "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  Dataset/1/b.JPG\n"
    )
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert content_digest({"Dataset/1/b.JPG": b"b", "Dataset/0/a.JPG": b"a"}) == expected


WRONG = {
    "changed": FILES | {"Dataset/0/IMG_1.JPG": b"other"},
    "missing": dict(list(FILES.items())[1:]),
    "more": FILES | {"Dataset/0/IMG_9.JPG": photograph(1)},
    "moved": {path.replace("/0/", "/1/9"): content for path, content in FILES.items()},
    "none": OTHERS,
}


@pytest.mark.parametrize("files", WRONG.values(), ids=WRONG)
def test_wrong_content_is_refused_and_not_cached(server, cache, files):
    server.content = as_zip(files)
    with pytest.raises(DataError, match=f"expected {DIGEST}.*--data path/to/file.npz"):
        load_sign_digits(url_of(server), cache, DIGEST)
    assert kept(cache) == []


def test_default_digest_is_the_public_one(server, cache):
    with pytest.raises(DataError, match=f"expected {CONTENT_SHA256}"):
        load_sign_digits(url_of(server), cache)


@pytest.mark.parametrize("status", [404, 500])
def test_server_that_refuses(server, cache, status):
    server.status = status
    with pytest.raises(DataError, match=rf"{status} .*--data path/to/file\.npz"):
        load_sign_digits(url_of(server), cache, DIGEST)
    assert kept(cache) == []


def test_a_server_that_does_not_answer_is_refused_with_the_remedy(server, cache):
    url = url_of(server)
    server.server_close()
    with pytest.raises(DataError, match=r"cannot download .*--data path/to/file\.npz"):
        load_sign_digits(url, cache, DIGEST)
    assert kept(cache) == []


@pytest.mark.parametrize("url", ["", "no address", "ftp://127.0.0.1/x.zip", "http://[::1"])
def test_address_that_is_none(monkeypatch, cache, url):
    monkeypatch.setattr(sign_digits, "URL", "also no address")
    monkeypatch.delenv("SAMPLEWISE_SIGN_DIGITS_URL", raising=False)
    with pytest.raises(DataError, match="cannot download"):
        load_sign_digits(url, cache, DIGEST)


@pytest.mark.parametrize("missing", [1, 5000])
def test_truncated_download(server, cache, missing):
    server.missing = missing
    with pytest.raises(DataError, match=r"cannot download .*--data path/to/file\.npz"):
        load_sign_digits(url_of(server), cache, DIGEST)
    assert kept(cache) == []


def test_endless_download_is_cut(server, cache, monkeypatch):
    monkeypatch.setattr(sign_digits, "MAX_ARCHIVE_BYTES", 1000)
    with pytest.raises(DataError, match="over 1,000 bytes, so it is not the photographs"):
        load_sign_digits(url_of(server), cache, DIGEST)


def test_cache_that_cannot_be_written_gives_the_data_and_a_warning(server, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.warns(UserWarning, match="cannot be cached .*SAMPLEWISE_CACHE_DIR"):
        dataset = load_sign_digits(url_of(server), tmp_path / "file" / "cache", DIGEST)
    assert len(dataset) == 20


def test_cache_that_cannot_be_looked_at_gives_the_data_and_a_warning(server, tmp_path):
    with pytest.warns(UserWarning, match="File name too long"):
        dataset = load_sign_digits(url_of(server), tmp_path / ("x" * 300), DIGEST)
    assert len(dataset) == 20


def test_damaged_cache_says_what_to_remove(server, cache):
    load_sign_digits(url_of(server), cache, DIGEST)
    file = cache / kept(cache)[0]
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(DataError, match=f"{file.name} .*remove it to download again"):
        load_sign_digits(url_of(server), cache, DIGEST)


def test_without_a_home_the_cache_is_asked_for(monkeypatch):
    def expanduser(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SAMPLEWISE_CACHE_DIR", raising=False)
    monkeypatch.setattr(Path, "expanduser", expanduser)
    with pytest.raises(DataError, match=r"no home folder.*set \$SAMPLEWISE_CACHE_DIR"):
        load_sign_digits()
