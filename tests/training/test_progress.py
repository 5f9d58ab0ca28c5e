import io

from apus.training import progress


def test_lines_tell_steps_and_time_left(capsys):
    with progress.reporter("teacher", 20) as shown:
        for step in range(1, 11):
            shown.step(step, 0.5, "fresh 80/s" if step == 3 else "")
        shown.epoch("epoch 1 loss 0.5")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "teacher step 10/20 epoch 1 loss 0.5 fresh 80/s" in said
    assert said.endswith("s left\n")


def test_a_terminal_gets_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress.reporter("teacher", 4) as shown:
        shown.step(4, 0.25, "stall 3 %")
        shown.epoch("valid 90 %")
        shown.step(4, 0.25)
    assert "4/4" in terminal.getvalue()
    assert "stall 3 % valid 90 %" in terminal.getvalue()
    assert "valid 90 %" in terminal.getvalue()
