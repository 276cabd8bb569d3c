import pytest


@pytest.fixture
def write_npz(tmp_path):
    """Write bytes to data.npz and return its path."""

    def write_file(content):
        path = tmp_path / "data.npz"
        path.write_bytes(content)
        return path

    return write_file
