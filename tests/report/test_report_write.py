import json

import pytest

from samplewise.errors import OutputError
from samplewise.io.writing import check_output_folder
from samplewise.report import markdown
from samplewise.report.write import files, write_report


def test_the_folder_is_whole(measured, tmp_path):
    write_report(measured, tmp_path / "deep" / "report", force=False)
    written = {path.name for path in (tmp_path / "deep" / "report").iterdir()}
    assert written == set(files(1)) - {"loss-epochs.png", "loss-neurons.png"}
    assert json.loads((tmp_path / "deep/report/report.json").read_text())["format"] == 1


def test_only_a_report_is_replaced(measured, tmp_path):
    folder = tmp_path / "report"
    write_report(measured, folder, force=False)
    with pytest.raises(OutputError, match="exists already"):
        write_report(measured, folder, force=False)
    write_report(measured, folder, force=True)
    (folder / "holiday.png").touch()
    with pytest.raises(OutputError, match="holds 'holiday.png', which this command does not write"):
        write_report(measured, folder, force=True)


def test_the_current_folder_is_never_replaced(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    for folder in (tmp_path / "inner", tmp_path):
        with pytest.raises(OutputError, match="current folder or above"):
            check_output_folder(folder, force=True, known=files(1))


def test_a_failure_leaves_nothing(measured, tmp_path, monkeypatch):
    def fail(content):
        raise KeyboardInterrupt

    monkeypatch.setattr(markdown, "render", fail)
    with pytest.raises(KeyboardInterrupt):
        write_report(measured, tmp_path / "report", force=False)
    assert list(tmp_path.iterdir()) == []
