"""Planted stalls are found on their lines, and nothing on the others."""

import sys
from pathlib import Path
from unittest import mock

from apus.training.tpu_check import probe

SCRIPTS = Path(__file__).parents[1] / "scripts"


def lint(script, steps=24):
    with mock.patch.object(sys, "argv", []), mock.patch.object(sys, "path", [*sys.path]):
        answer = probe.lint(str(script), [], steps)
    assert answer["steps"] == steps
    return {int(one["place"].rpartition(":")[2]): one for one in answer["findings"]}


def planted(script):
    lines = enumerate(script.read_text().splitlines(), 1)
    return {number: line.split("# stall: ")[1] for number, line in lines if "# stall: " in line}


def test_every_planted_stall_is_found_and_nothing_else():
    script = SCRIPTS / "stalls.py"
    found = lint(script)
    assert len(planted(script)) == 21
    assert {number: one["kind"] for number, one in found.items()} == planted(script)
    assert all(one["place"].startswith(str(script)) for one in found.values())


def test_a_clean_script_has_none():
    assert lint(SCRIPTS / "clean.py") == {}


def test_a_ragged_last_batch_is_found_unless_our_loader_pads_it():
    (finding,) = lint(SCRIPTS / "plain.py", steps=3).values()
    assert "drop_last" in finding["what"]
    assert lint(SCRIPTS / "plain_anywhere.py", steps=3) == {}


CHANGING = """
import torch
from torch import nn
from torch.utils.data import DataLoader
def collate(rows):
    return torch.zeros(2, 3 + rows[0] % 4)
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for x in DataLoader(range(40), batch_size=2, collate_fn=collate):
    model(x.unsqueeze(-1)).sum().backward()
    optimizer.step()
"""


def test_batches_of_many_lengths_are_blamed_on_their_loop(tmp_path):
    script = tmp_path / "changing.py"
    script.write_text(CHANGING)
    found = lint(script, steps=10)
    assert set(found) == {9}
    assert found[9]["what"] == "batches come in 2 shapes"
    script.write_text(CHANGING.replace("range(40)", "range(41)"))
    ragged = lint(script, steps=10)[9]["what"]
    assert "drop_last" in ragged
    assert ragged.endswith("batches come in 2 shapes")
