"""`apus compress`: what cannot be meant is refused before any work."""

import pytest

from apus.cli import main

RECIPE = (
    '[teacher]\nmodel = "apus.models.sparse_cnn:SparseCNN"\n[student]\nmodel = "apus.models.sparse_cnn:SparseCNN"\n'
)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mien.toml"], "did you mean mine.toml?"),
        (["mine.toml", "--stages", "prnue"], "no stage 'prnue' in this recipe; did you mean 'prune'? (stages: teacher"),
        (["mine.toml", "--again"], "--again needs --stages"),
    ],
)
@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_slip_is_named_and_nothing_is_written(tmp_path, monkeypatch, capsys, words, said, json):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(RECIPE)
    assert main(["compress", *words, *json]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""
    assert not (tmp_path / "runs").exists()
