"""From wherever a run is started, its jobs find on other machines what they find here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from engine.places.typist import Typist

from .hosts import PATIENCE_S, Cluster


@pytest.fixture
def here(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which programs know the cluster, which has one slave."""
    cluster.up("a")
    for name in ("PPG_COORDINATOR", "PPG_KEYS", "PPG_HEARTBEAT", "PPG_LEASE", "PPG_CONFIG"):
        monkeypatch.setenv(name, cluster.environment[name])
    directory = cluster.directory / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def test_limits_and_variables_of_the_script_but_not_of_its_host(cluster: Cluster) -> None:
    cluster.coordinator()
    cluster.slave("a", SLURM_JOB_ID="of the slave", SSH_TTY="of the slave", TMPDIR="/var/tmp", HOSTNAME="host-a")
    script = cluster.run(
        """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (300, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
os.environ["ADDED"] = "by the script"
os.makedirs("below")
os.chdir("below")
sys.path.append("/of/the/script")
def write():
    names = ("ADDED", "CARRIED", "SLURM_JOB_ID", "SSH_TTY", "TMPDIR", "HOSTNAME")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    facts = [limit, os.getcwd(), sys.path[-1], *(os.environ.get(name) for name in names)]
    Path("../facts").write_text("\\n".join(map(str, facts)))
ppg.FileGeneratingJob("facts", write)
ppg.run()
""",
        CARRIED="in the environment",
        SLURM_JOB_ID="of the script",
        TMPDIR="/nowhere",
        HOSTNAME="head",
    )
    assert (script.directory / "facts").read_text().splitlines() == [
        "300",
        str(script.directory / "below"),
        "/of/the/script",
        "by the script",
        "in the environment",
        "of the slave",
        "of the slave",
        "/var/tmp",
        "host-a",
    ]


@pytest.fixture
def virtual_environment(tmp_path: Path) -> Path:
    """One that is not the daemon's, with a package of its own and all of ours."""
    place = tmp_path / "shared" / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    roots = [Path(__file__).parents[2], Path(__file__).parents[2] / "protocol"]
    (packages / "ours.pth").write_text("".join(f"{path}\n" for path in (*ours, *roots)))
    (packages / "only_here.py").write_text("WORD = 'only in this environment'\n")
    return place


def test_a_virtual_environment_on_a_shared_path(cluster: Cluster, virtual_environment: Path) -> None:
    cluster.up("a")
    directory = cluster.directory / "project"
    directory.mkdir()
    (directory / "pipeline.py").write_text("""
import sys
from pathlib import Path
import only_here
import pypipegraph as ppg

def write():
    import only_here as imported_there
    Path("f").write_text(f"{sys.executable} {only_here.WORD} {imported_there.__file__}")

ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("f", write)
ppg.run()
""")
    python = virtual_environment / "bin" / "python"
    subprocess.run([python, "pipeline.py"], cwd=directory, env=cluster.environment, check=True, timeout=PATIENCE_S)
    interpreter, rest = (directory / "f").read_text().split(" ", 1)
    assert interpreter == str(python)
    assert rest.startswith("only in this environment ")
    assert str(virtual_environment) in rest


def test_a_package_with_relative_imports(here: Path) -> None:
    package = here / "pipeline"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "steps.py").write_text("from .words import WORD\ndef step(path): open(path, 'w').write(WORD)\n")
    (package / "words.py").write_text("WORD = 'from a sibling'\n")
    (package / "__main__.py").write_text("""
import os
import pypipegraph as ppg
from .steps import step
from . import words

def late(path):
    from .words import WORD
    open(path, "w").write(WORD + " " + words.WORD + " " + os.environ["PPG_SESSION"].partition(".")[2])

ppg.new_pipegraph()
ppg.FileGeneratingJob("early", step)
ppg.FileGeneratingJob("late", late)
ppg.run()
""")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (here / "early").read_text() == "from a sibling"
    assert (here / "late").read_text() == "from a sibling from a sibling a"


CELL = """
import os
import pypipegraph as ppg
def callback(path):
    with open(path, 'w') as file: file.write({text!r} + helper())

def helper():
    return " on " + os.environ["PPG_SESSION"].partition(".")[2]

graph = ppg.new_pipegraph()
job = ppg.FileGeneratingJob('f', callback)
ppg.run()
"""


def test_a_notebook(here: Path) -> None:
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    from engine.places.notebook import Notebook

    notebook = Notebook(here)
    try:
        for text in ("x", "y"):
            notebook.good(CELL.format(text=text))
            assert (here / "f").read_text() == f"{text} on a"
        assert notebook.good("job.was_run").result == "True"
    finally:
        notebook.end()


def test_a_prompt(here: Path) -> None:
    repl = Typist([sys.executable, "-i", "-q"], here, PYTHON_BASIC_REPL="1")
    try:
        repl.expect(repl.prompt)
        for line in CELL.format(text="typed").strip().split("\n"):
            repl.prompt = "... " if line.startswith(("def", " ")) else ">>> "
            repl.say(line)
        assert (here / "f").read_text() == "typed on a"
    finally:
        repl.end()
