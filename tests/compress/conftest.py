import subprocess
import sys
from pathlib import Path

import pytest
from own_recipe import RECIPE

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def workplace(tmp_path):
    """A user's folder: a script with their own parts, and a recipe."""
    (tmp_path / "own_parts.py").write_text((SCRIPTS / "own_parts.py").read_text())
    (tmp_path / "own.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def apus(workplace):
    """Runs the command there."""

    def call(*words, check=True):
        done = subprocess.run(
            [sys.executable, "-m", "apus.cli", *words], cwd=workplace, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return call


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run of a tiny recipe with every stage done, as a Job; made once for all tests of the stages."""
    import tomllib

    from apus.compress import RunFolder, from_recipe, run
    from apus.compress.job import Job
    from apus.compress.recipe_file import from_table

    sys.path.insert(0, str(SCRIPTS))
    table = tomllib.loads(RECIPE)
    table["data"]["arguments"] = {"count": 256}
    recipe = from_table(table)
    sources, folder = from_recipe(recipe), RunFolder(tmp_path_factory.mktemp("finished"))
    lines = []
    run(recipe, sources, folder, say=lines.append)
    yield Job(recipe, folder, sources, sources.splits()), lines
    sys.path.remove(str(SCRIPTS))
    sys.modules.pop("own_parts", None)
