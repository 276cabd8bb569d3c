"""The wheel gets compiled kernels where they can be made, and says so where not."""

import tomllib
from pathlib import Path

import pytest

from samplewise_backends.numba_cpu.compile.key import LEVELS

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HOOK = SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]


class Application:
    """Takes what the hook says."""

    def __init__(self):
        self.said = []

    def display_warning(self, text):
        self.said.append(text)


@pytest.fixture
def hook_module(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    import hatch_build

    return hatch_build


@pytest.fixture
def run_hook(hook_module, monkeypatch):
    """Run the hook with a stand-in for compiling; return data of the wheel, and what was said."""

    def compiled_into(folder, levels, root):
        for level in levels:
            (Path(folder) / level).write_text("")
        return ""

    def run(version):
        application = Application()
        hook = hook_module.KernelsHook(str(ROOT), HOOK, None, None, "", "wheel", application)
        data = {"pure_python": True, "force_include": {}}
        hook.initialize(version, data)
        inside = {Path(folder): place for folder, place in data["force_include"].items()}
        held = [path.name for folder in inside for path in folder.iterdir()]
        hook.finalize(version, data, "")
        assert not any(folder.exists() for folder in inside)
        return data, list(inside.values()), held, application.said

    monkeypatch.setattr(hook_module, "compiled_into", compiled_into)
    return run


@pytest.mark.parametrize("version", ["standard", "editable"])
def test_a_free_threaded_python_builds_none(run_hook, hook_module, monkeypatch, version):
    monkeypatch.setattr(hook_module.sys, "version", "3.14.1 free-threading build (main)")
    with pytest.raises(SystemExit, match="needs a Python with the GIL"):
        run_hook(version)


def test_a_wheel_with_kernels_is_for_one_platform(hook_module, run_hook, monkeypatch):
    monkeypatch.setattr(hook_module.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(hook_module.sysconfig, "get_platform", lambda: "macosx-14.0-x86_64")
    data, inside, held, said = run_hook("standard")
    assert (data["pure_python"], data["tag"]) == (False, "py3-none-macosx_14_0_x86_64")
    assert (inside, sorted(held), said) == ([hook_module.INSIDE], sorted(HOOK["levels"]), [])


def test_the_wheel_has_the_kernels_of_every_level():
    assert HOOK["levels"] == list(LEVELS)


def test_an_editable_install_compiles_nothing(run_hook):
    assert run_hook("editable") == ({"pure_python": True, "force_include": {}}, [], [], [])


@pytest.mark.parametrize(
    ("name", "changed", "reason"),
    [
        ("find_spec", lambda name: None, "numba is not installed"),
        ("platform.machine", lambda: "riscv64", "x86-64 only, and this is riscv64"),
        ("compiled_into", lambda *_: "numba raised", "kernels: numba raised"),
    ],
)
def test_where_none_can_be_compiled_the_wheel_is_pure(
    hook_module, run_hook, monkeypatch, name, changed, reason
):
    monkeypatch.setattr(hook_module.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(f"hatch_build.{name}", changed)
    data, inside, held, (line,) = run_hook("standard")
    assert data["pure_python"]
    assert (inside, held) == ([], [])
    assert reason in line


def test_the_hook_builds_with_what_the_project_needs():
    assert set(HOOK["dependencies"]) <= set(SETTINGS["project"]["dependencies"])
