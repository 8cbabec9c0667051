"""`FILE.md5sum` beside an input file: believed while it is as old as the file, refreshed when not, never made.

That a sidecar is believed is shown by one that lies: the file's content changed, and nothing is redone.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy

S = 1_000_000_000
MOMENT_NS = 1_600_000_000 * S + 123_456_789
Make = Callable[[], ppg.Job]
INVARIANTS: dict[str, Make] = {
    "checksum": lambda: ppg.FileChecksumInvariant("in"),
    "robust": lambda: ppg.RobustFileChecksumInvariant("in"),
    "several": lambda: ppg.MultiFileInvariant(["in", "in2"]),
}
BARE = "{md5}"
FORMS = {
    "bare, as in the original": BARE,
    "bare line": "{md5}\n",
    "upper case": "{MD5}",
    "md5sum": "{md5}  in\n",
    "md5sum --binary": "{md5} *in\n",
    "md5sum of another directory": "{md5}  raw/data/in\n",
    "md5sum --tag": "MD5 (in) = {md5}\n",
    "no newline": "{md5}  in",
    "DOS line end": "{md5}  in\r\n",
    "a list": "00000000000000000000000000000000  other\n{md5}  in\n",
}
GARBAGE = {
    "empty": b"",
    "words": b"no checksum at all",
    "binary": bytes(range(256)),
    "too short": b"0123456789abcdef",
    "too long": b"0" * 33,
    "of another file": b"00000000000000000000000000000000  other\n",
    "html": b"<html>\n<body>404</body>\n</html>\n",
}


def md5(content: str) -> str:
    return hashlib.md5(content.encode()).hexdigest()


def put(name: str, content: str | bytes, mtime_ns: int) -> None:
    path = Path(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, ns=(mtime_ns, mtime_ns))


def put_both(
    content: str, stated: str, form: str = BARE, mtime_ns: int = MOMENT_NS, sidecar_ns: int = MOMENT_NS
) -> None:
    put("in", content, mtime_ns)
    put("in.md5sum", form.format(md5=md5(stated), MD5=md5(stated).upper()), sidecar_ns)


def build(make: Make = INVARIANTS["checksum"]) -> None:
    ppg.FileGeneratingJob("a", copy("in")).depends_on(make())


@pytest.fixture(autouse=True)
def inputs(project: Project) -> Iterator[None]:
    Path("in").write_text("hello")
    Path("in2").write_text("there")
    yield
    assert not [name for name in os.listdir() if ".new-" in name], "a temporary file was left"


@pytest.mark.parametrize("kind", INVARIANTS)
def test_a_sidecar_as_old_as_the_file_is_believed(project: Project, kind: str) -> None:
    project.run(lambda: build(INVARIANTS[kind]))
    put_both("HELLO", stated="hello")
    assert project.ran(lambda: build(INVARIANTS[kind])) == []
    put_both("HELLO", stated="HELLO", mtime_ns=MOMENT_NS + 1, sidecar_ns=MOMENT_NS + 1)
    assert project.ran(lambda: build(INVARIANTS[kind])) == ["a"]


@pytest.mark.parametrize("form", FORMS)
def test_it_may_be_written_by_md5sum(project: Project, form: str) -> None:
    project.run(build)
    put_both("HELLO", stated="hello", form=FORMS[form])
    assert project.ran(build) == []


@pytest.mark.parametrize("name", ["back\\slash", "line\nend", "spaces in it", "ünï", "a*b", "(in)"])
@pytest.mark.parametrize("tag", [[], ["--tag"]])
def test_names_as_the_real_md5sum_writes_them(project: Project, name: str, tag: list[str]) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", copy(name)).depends_on_file(name)

    put(name, "hello", MOMENT_NS)
    project.run(build)
    put(name + ".md5sum", subprocess.check_output(["md5sum", *tag, name]), MOMENT_NS + 1)
    put(name, "HELLO", MOMENT_NS + 1)
    assert project.ran(build) == []


def test_a_whole_second_is_as_good_as_the_file_s_time(project: Project) -> None:
    project.run(build)
    put_both("HELLO", stated="hello", sidecar_ns=MOMENT_NS // S * S)
    assert project.ran(build) == []


@pytest.mark.parametrize("off_ns", [1, -1, -S, S, -123_456_789 - S, -123_456_789 + S])
def test_another_time_makes_it_stale_and_it_is_refreshed(project: Project, off_ns: int) -> None:
    project.run(build)
    put_both("HELLO", stated="hello", sidecar_ns=MOMENT_NS + off_ns)
    os.chmod("in.md5sum", 0o640)
    assert project.ran(build) == ["a"]
    assert project.read("in.md5sum") == md5("HELLO")
    facts = os.stat("in.md5sum")
    assert facts.st_mtime_ns == MOMENT_NS
    assert facts.st_mode & 0o777 == 0o640


@pytest.mark.parametrize("form", [form for form in FORMS if form != "a list"])
def test_a_refreshed_sidecar_keeps_its_form(project: Project, form: str) -> None:
    put_both("hello", stated="stale", form=FORMS[form], sidecar_ns=MOMENT_NS - S)
    project.run(build)
    assert Path("in.md5sum").read_bytes().decode() == FORMS[form].format(md5=md5("hello"), MD5=md5("hello"))


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_not_believed_and_is_replaced(project: Project, garbage: str) -> None:
    project.run(build)
    put("in", "HELLO", MOMENT_NS)
    put("in.md5sum", GARBAGE[garbage], MOMENT_NS)
    assert project.ran(build) == ["a"]
    assert project.read("in.md5sum") == md5("HELLO")


@pytest.mark.parametrize("content", [FORMS["a list"].format(md5=md5("hello")), "x" * 70_000])
def test_what_is_about_other_files_too_is_left_alone(project: Project, content: str) -> None:
    put("in.md5sum", content, MOMENT_NS)
    assert project.ran(build) == ["a"]
    assert project.read("in.md5sum") == content


def test_none_is_made_where_none_was(project: Project) -> None:
    project.run(build)
    assert not Path("in.md5sum").exists()


def test_our_own_memory_comes_first(project: Project) -> None:
    """A file whose size, mtime and ctime stand needs no checksum, so nobody looks at the sidecar."""
    project.run(build)
    put("in.md5sum", md5("a lie"), os.stat("in").st_mtime_ns)
    assert project.ran(build) == []
    assert project.read("in.md5sum") == md5("a lie")


def test_a_sidecar_that_is_no_file_is_none(project: Project) -> None:
    os.mkfifo("in.md5sum")
    assert project.ran(build) == ["a"]
    os.unlink("in.md5sum")
    os.mkdir("in.md5sum")
    put("in", "HELLO", MOMENT_NS)
    assert project.ran(build) == ["a"]


def test_a_linked_sidecar_stays_a_link(project: Project) -> None:
    put("elsewhere", md5("stale"), MOMENT_NS - S)
    os.symlink("elsewhere", "in.md5sum")
    project.run(build)
    assert os.readlink("in.md5sum") == "elsewhere"
    assert project.read("elsewhere") == md5("hello")


def test_one_that_is_itself_a_file_of_the_graph_is_not_touched(project: Project) -> None:
    put("in.md5sum", md5("stale"), MOMENT_NS)

    def both() -> None:
        build()
        ppg.FileGeneratingJob("b", copy("in.md5sum")).depends_on_file("in.md5sum")

    project.run(both)
    assert project.read("in.md5sum") == md5("stale")
    assert project.ran(both) == []


def test_a_dry_run_writes_none(project: Project) -> None:
    put_both("hello", stated="stale", sidecar_ns=MOMENT_NS - S)
    ppg.new_pipegraph(quiet=True)
    build()
    ppg.run(dry_run=True)
    assert project.read("in.md5sum") == md5("stale")
    assert os.stat("in.md5sum").st_mtime_ns == MOMENT_NS - S


@pytest.mark.parametrize("directory_mode", [0o755, 0o555])
def test_one_that_can_not_be_written_fails_nothing(project: Project, directory_mode: int) -> None:
    """Root may write everywhere, so a child without privileges runs this pipegraph, in a directory of its own.

    It may be unable to read the interpreter's files; a first run has all modules imported.
    """
    project.run(build)
    with tempfile.TemporaryDirectory() as open_to_all:
        os.chmod(open_to_all, 0o777)
        os.chdir(open_to_all)
        Path("data").mkdir()
        put("data/in", "hello", MOMENT_NS)
        put("data/in.md5sum", md5("stale"), MOMENT_NS - S)
        os.chmod("data/in.md5sum", 0o444)
        os.chmod("data", directory_mode)
        as_nobody(_run_in_data)
        assert project.read("a") == "hello"
        assert project.read("data/in.md5sum") == md5("stale")
        assert sorted(os.listdir("data")) == ["in", "in.md5sum"]
        os.chmod("data", 0o755)
        os.chdir(project.path)


def _run_in_data() -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", copy("data/in")).depends_on_file("data/in")
    ppg.run()


def as_nobody(action: Callable[[], None]) -> None:
    """In a child without privileges; it must end well."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            action()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
