"""Wherever the code of a script comes from, it runs, runs nothing again, and notices a changed function."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..project import Project

PIPELINE = """
import pypipegraph as ppg

def callback(path):
    # {comment}
    with open(path, "w") as file:
        file.write({text!r})

ppg.new_pipegraph()
ppg.FileGeneratingJob("a", callback)
ppg.run()
print("run" if ppg.util.global_pipegraph.jobs["a"].was_run else "current")
"""
VERSIONS = [
    ({"text": "x", "comment": "first"}, "run"),
    ({"text": "x", "comment": "first"}, "current"),
    ({"text": "y", "comment": "first"}, "run"),
]


def said(*arguments: str, cwd: str | Path = ".", stdin: str = "") -> str:
    """What a Python with these arguments printed; it must end well."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("folder", ["plain", "with spaces", "ümläut 日本", "quote'\"", "new\nline"])
def test_a_script_in_a_folder_of_any_name(project: Project, folder: str) -> None:
    script = Path(folder, "script.py")
    script.parent.mkdir()
    for version, expected in VERSIONS:
        script.write_text(PIPELINE.format(**version))
        assert said("script.py", cwd=folder) == expected
    script.write_text(PIPELINE.format(text="y", comment="second"))
    assert said("script.py", cwd=folder) == "current", "a comment does not count"
    assert Path(folder, "a").read_text() == "y"


def test_the_same_script_by_other_paths_is_the_same(project: Project) -> None:
    """Relative, absolute, through links to the file and to its folder: the working directory is the project."""
    Path("code").mkdir()
    Path("code/script.py").write_text(PIPELINE.format(text="x", comment=""))
    os.symlink("code/script.py", "link.py")
    os.symlink("code", "linked")
    assert said("code/script.py") == "run"
    for path in (os.path.abspath("code/script.py"), "./code/../code/script.py", "link.py", "linked/script.py"):
        assert said(path) == "current"


def test_the_working_directory_decides_which_project_it_is(project: Project) -> None:
    Path("script.py").write_text(PIPELINE.format(text="x", comment=""))
    for folder in ("one", "two"):
        Path(folder).mkdir()
        assert said("../script.py", cwd=folder) == "run"
        assert Path(folder, "a").exists()
    assert not Path("a").exists()


def test_a_project_through_a_symbolic_link_is_the_same_project(project: Project) -> None:
    Path("real").mkdir()
    os.symlink("real", "linked")
    Path("script.py").write_text(PIPELINE.format(text="x", comment=""))
    assert said("../script.py", cwd="real") == "run"
    assert said(os.path.abspath("script.py"), cwd="linked") == "current"


def test_a_module_with_dash_m(project: Project) -> None:
    package = Path("pipeline")
    package.mkdir()
    Path(package, "__init__.py").touch()
    for version, expected in VERSIONS:
        Path(package, "__main__.py").write_text(PIPELINE.format(**version))
        assert said("-m", "pipeline") == expected
    Path(package, "steps.py").write_text(PIPELINE.format(text="y", comment=""))
    assert said("-m", "pipeline.steps") == "current", "the same function in another module"


def test_code_on_the_command_line(project: Project) -> None:
    for version, expected in VERSIONS:
        assert said("-c", PIPELINE.format(**version)) == expected


def test_code_on_standard_input(project: Project) -> None:
    for version, expected in VERSIONS:
        assert said("-", stdin=PIPELINE.format(**version)) == expected
        assert said(stdin=PIPELINE.format(**version)) == "current"


def test_code_given_to_exec(project: Project) -> None:
    for version, expected in VERSIONS:
        assert said("-c", f"exec({PIPELINE.format(**version)!r})") == expected


def test_a_zip_file(project: Project) -> None:
    from zipfile import ZipFile

    for version, expected in VERSIONS:
        with ZipFile("pipeline.zip", "w") as archive:
            archive.writestr("__main__.py", PIPELINE.format(**version))
        assert said("pipeline.zip") == expected


@pytest.mark.parametrize("option", ["-OO", "-I", "-X dev", "-W error"])
def test_options_of_the_interpreter_change_nothing(project: Project, option: str) -> None:
    Path("script.py").write_text(PIPELINE.format(text="x", comment=""))
    assert said("script.py") == "run"
    assert said(*option.split(), "script.py") == "current"
    os.unlink("a")
    assert said(*option.split(), "script.py") == "run"
