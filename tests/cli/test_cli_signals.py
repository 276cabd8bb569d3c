"""Real signals to real processes, and the handlers by themselves."""

import json
import os
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from cli_process import SAMPLEWISE

from limits import joined, killed_late
from samplewise.cli import signals
from samplewise.experiment.run_folder import CONFUSION_PLOT, FILES, LOSS_PLOT
from samplewise.model.model_file import load_model

LONG = ("--epochs", "1000000", "--backend", "reference")


def children_s():
    """Return the processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def running_s(process):
    """Return the processor time that a running process has taken so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Running:
    """A command in a process group of its own, as a terminal makes one."""

    def __init__(self, *arguments, command=SAMPLEWISE):
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.err = ""

    def wait_for(self, text):
        with killed_late(self.process):
            while text not in self.err:
                line = self.process.stderr.readline()
                assert line, self.err
                self.err += line

    def signal(self, number):
        self.before = children_s() + running_s(self.process.pid)
        os.killpg(self.process.pid, number)

    def end(self):
        """Return the exit code, stdout, stderr, and processor seconds since the last signal.

        Of the processor, since others may keep it from the command for as long as they like.
        """
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, self.err + err, children_s() - self.before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_training_keeps_what_was_trained(cli, images, number, code):
    running = Running("train", "--data", images, *LONG, "--json")
    running.wait_for("epoch")
    running.signal(number)
    ended, out, err, seconds = running.end()
    assert ended == code
    assert seconds < 4
    assert "once more to exit at once" in err
    assert "Traceback" not in err
    figures = json.loads(out)
    assert figures["stopped"] == "interrupted"
    history = json.loads(Path("run/history.json").read_text())
    assert history["stopped"] == "interrupted"
    assert 1 <= len(history["epochs"]) == figures["epochs"]
    assert load_model(Path("run/model.safetensors")).class_names == ("4", "7", "9")
    again = ("train", "--config", "run/config.toml", "--epochs", 1)
    assert cli(*again).code == 2
    assert cli(*again, "--force").code == 0
    assert json.loads(Path("run/history.json").read_text())["stopped"] == "finished"
    assert [path.name for path in Path.cwd().iterdir()] == ["run"]


SLOW_WRITE = """
import sys, time
from samplewise.cli.app import main
from samplewise.experiment import run_folder
from samplewise.plots import figures
def slow(*args, **options):
    print("writing", file=sys.stderr, flush=True)
    time.sleep(60)
{place} = slow
sys.exit(main())
"""


def test_a_second_signal_exits_at_once_and_leaves_no_part(images):
    ended, out = interrupted_while_writing(images, "run_folder.save_model")
    assert (ended, out) == (130, "")
    assert list(Path.cwd().iterdir()) == []


def test_a_second_signal_while_pictures_are_drawn_leaves_a_run_without_them(images):
    ended, out = interrupted_while_writing(images, "figures.loss_curves")
    assert ended == 130
    assert "test accuracy" in out
    assert {path.name for path in Path("run").iterdir()} == set(FILES) - {LOSS_PLOT, CONFUSION_PLOT}


def interrupted_while_writing(images, place):
    """Return exit code and output of a training, stopped, and then stopped again at a place."""
    command = [SAMPLEWISE[0], "-c", SLOW_WRITE.format(place=place)]
    running = Running("train", "--data", images, *LONG, command=command)
    running.wait_for("epoch")
    running.signal(signal.SIGINT)
    running.wait_for("writing")
    running.signal(signal.SIGINT)
    ended, out, err, seconds = running.end()
    assert seconds < 4
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "stopped"
    return ended, out


@pytest.mark.parametrize("delay", [0.12, 0.25, 0.4, 0.6, 0.9])
def test_a_signal_at_any_moment_leaves_a_whole_run_or_none(images, delay):
    running = Running("train", "--data", images, "--epochs", 20, "--backend", "reference")
    time.sleep(delay)
    running.signal(signal.SIGINT)
    code, _, err, _ = running.end()
    # Before main sets its handlers, and after it has put them back, Python itself answers.
    if "KeyboardInterrupt" not in err:
        assert code in (0, 130, -signal.SIGINT)
        assert "Traceback" not in err
    assert [path.name for path in Path.cwd().iterdir()] in ([], ["run"])
    if Path("run").exists():
        load_model(Path("run/model.safetensors"))


def test_the_first_signal_outside_training_ends_at_once():
    with pytest.raises(signals.Stopped) as stopped, signals.handled():
        signal.raise_signal(signal.SIGINT)
    assert stopped.value.exit_code == 130


def test_with_finish_the_first_signal_only_sets_the_event(capfd):
    with signals.handled() as interrupts:
        interrupts.finish = True
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.stop.is_set()
        assert interrupts.exit_code == 143
        with pytest.raises(signals.Stopped):
            signal.raise_signal(signal.SIGINT)
        assert interrupts.exit_code == 130
    assert "once more to exit at once" in capfd.readouterr().err


def test_a_second_signal_while_the_first_takes_effect_ends_at_once(monkeypatch):
    class Signalled(threading.Event):
        def set(self):
            signal.raise_signal(signal.SIGTERM)
            super().set()

    monkeypatch.setattr(threading, "Event", Signalled)
    with signals.handled() as interrupts:
        interrupts.finish = True
        with pytest.raises(signals.Stopped):
            signal.raise_signal(signal.SIGINT)
    assert interrupts.exit_code == 143


def test_the_handlers_before_come_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with signals.handled():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.handled() as interrupts:
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (interrupts.exit_code, interrupts.stop.is_set()) == (0, False)


def test_off_the_main_thread_nothing_is_handled():
    seen = []

    def work():
        with signals.handled() as interrupts:
            seen.append(interrupts.exit_code)

    thread = threading.Thread(target=work)
    thread.start()
    joined(thread)
    assert seen == [0]


def test_an_interrupt_before_the_first_step_writes_nothing(cli, images, monkeypatch):
    from samplewise.training.training_run import TrainingRun

    begin = TrainingRun.begin

    def interrupted(run, environment):
        begin(run, environment)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TrainingRun, "begin", interrupted)
    ended = cli("train", "--data", images, "--backend", "vectorized")
    assert ended.code == 130
    assert "interrupted before the first step; nothing was written" in ended.err
    assert not Path("run").exists()
