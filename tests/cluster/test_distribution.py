"""The script does not change: its jobs run on all machines, and everything comes back as on one."""

from __future__ import annotations

import os

from .hosts import Cluster, until


def test_jobs_run_on_all_machines(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.run("""
for i in range(4):
    def write(i=i):
        Path(f"started{i}").touch()
        for other in range(4):
            wait_for(f"started{other}")  # all four at once: two machines with two cores each
        Path(f"f{i}").write_text(machine())
    ppg.FileGeneratingJob(f"f{i}", write)
ppg.run()
""")
    assert sorted((script.directory / f"f{i}").read_text() for i in range(4)) == ["a", "a", "b", "b"]


def test_a_final_job_does_not_wait_for_a_temporary_that_is_gone(cluster: Cluster) -> None:
    """Of two that run on a machine each, one is where the temporary was not made: only one has three cores, only the
    other much memory."""
    cluster.coordinator()
    cluster.slave("wide", 3, "--memory", "1G", "--await-files", "1")
    cluster.slave("large", 2, "--memory", "2G", "--await-files", "1")
    until(lambda: len(cluster.status()["machines"]) == 2, "registration of slaves")
    script = cluster.run("""
temporary = ppg.TempFileGeneratingJob("temporary", lambda: Path("temporary").write_text(machine()))
temporary.use_cores(3)
output = ppg.FileGeneratingJob("output", lambda: Path("output").write_bytes(Path("temporary").read_bytes()))
output.depends_on(temporary)
def last():
    note(f"{machine()}, temporary: {os.path.exists('temporary')}")
ppg.FinalJob("last on wide", last).use_cores(3).depends_on(temporary)
large = ppg.FinalJob("last on large", last)
large.memory_needed = 3 << 29
large.depends_on(temporary)
ppg.run()
""")
    assert (script.directory / "output").read_text() == "wide"
    assert sorted(script.notes) == ["large, temporary: False", "wide, temporary: False"]


def test_a_second_run_does_nothing_and_needs_no_cluster(cluster: Cluster) -> None:
    cluster.up("a")
    text = "ppg.FileGeneratingJob('f', lambda: Path('f').write_text('x'))\nppg.run()"
    cluster.run(text)
    cluster.kill("a")
    cluster.kill("coordinator")
    cluster.run(text)


def test_data_is_loaded_once_per_machine_and_shared(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.run("""
class Genome: pass
genome = Genome()
def load():
    note(f"loaded on {machine()}")
    return "ACGT"
loader = ppg.AttributeLoadingJob("genome", genome, "sequence", load)
for i in range(4):
    def write(i=i):
        Path(f"started{i}").touch()
        for other in range(4):
            wait_for(f"started{other}")
        Path(f"f{i}").write_text(genome.sequence)
    ppg.FileGeneratingJob(f"f{i}", write).depends_on(loader)
ppg.run()
""")
    assert sorted(script.notes) == ["loaded on a", "loaded on b"]
    assert (script.directory / "f3").read_text() == "ACGT"


def test_generated_jobs_run_anywhere_and_find_what_they_captured(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.run("""
class Genome: pass
genome = Genome()
loader = ppg.AttributeLoadingJob("genome", genome, "sequence", lambda: "ACGT")
def generate():
    note(f"generated on {machine()}")
    for i in range(4):
        def write(i=i):
            Path(f"started{i}").touch()
            for other in range(4):
                wait_for(f"started{other}")
            Path(f"f{i}").write_text(f"{machine()} {genome.sequence}")
        ppg.FileGeneratingJob(f"f{i}", write).depends_on(loader)
ppg.JobGeneratingJob("generate", generate)
ppg.run()
""")
    texts = sorted((script.directory / f"f{i}").read_text() for i in range(4))
    assert texts == ["a ACGT", "a ACGT", "b ACGT", "b ACGT"]
    assert len(script.notes) == 1, "the generator ran once"


def test_nothing_is_redone_when_a_run_moves_between_one_machine_and_a_cluster(cluster: Cluster) -> None:
    """What generators make there has the same fingerprints."""
    cluster.up("a")
    text = """
def generate():
    for name in ("x", "y"):
        def write(path, name=name):
            note(f"{name} made")
            Path(path).write_text(", ".join([letter for letter in name]))
        ppg.FileGeneratingJob(name, write)
        ppg.FileGeneratingJob(name * 2, lambda path: (note(f"{path} made"), Path(path).touch()), empty_ok=True)
ppg.JobGeneratingJob("generate", generate)
ppg.run()
"""
    for _ in range(2):
        for coordinator in ("", cluster.endpoint):
            script = cluster.run(text, PPG_COORDINATOR=coordinator)
            assert sorted(script.notes) == ["x made", "xx made", "y made", "yy made"], script.log


def test_tracebacks_show_the_lines_of_the_script(cluster: Cluster) -> None:
    cluster.up("a")
    script = cluster.run("""
def fail():
    raise ValueError("here")  # in the script
ppg.FileGeneratingJob("f", fail)
try:
    ppg.run()
except ppg.RuntimeError as error:
    print(error.failures[0].traceback)
""")
    assert f'File "{script.directory}/pipeline.py", line ' in script.out
    assert 'raise ValueError("here")  # in the script\n' in script.out


def test_exceptions_and_output_come_back(cluster: Cluster) -> None:
    cluster.up("a")
    script = cluster.run("""
class Trouble(Exception): pass
def fail():
    print("about to fail")
    raise Trouble("in " + machine())
job = ppg.FileGeneratingJob("f", fail)
try:
    ppg.run()
except ppg.RuntimeError as error:
    print(type(job.exception).__name__, job.exception, "|", job.stdout.strip())
    print(error.failures[0].host)
""")
    assert script.out == f"Trouble in a | about to fail\n{os.uname().nodename}\n"


def test_files_made_on_one_machine_are_inputs_on_another(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.run("""
def first(i):
    Path(f"first{i}").write_text(machine())
def second(i):
    Path(f"second{i}").write_text(Path(f"first{i}").read_text() + machine())
for i in range(40):
    one = ppg.FileGeneratingJob(f"first{i}", lambda i=i: first(i))
    ppg.FileGeneratingJob(f"second{i}", lambda i=i: second(i)).depends_on(one)
ppg.run()
""")
    assert {(script.directory / f"second{i}").read_text() for i in range(40)} <= {"aa", "ab", "ba", "bb"}


def test_surroundings_are_carried_over(cluster: Cluster) -> None:
    cluster.up("a")
    (cluster.directory / "lib").mkdir()
    (cluster.directory / "lib" / "steps.py").write_text("def word(): return 'from steps'\n")
    script = cluster.run(
        """
sys.path.insert(0, "../lib")
os.umask(0o027)
os.environ["COLOUR"] = "blue"
import steps
def write():
    mask = os.umask(0)
    Path("f").write_text(f"{steps.word()} {os.environ['COLOUR']} {mask:o} {os.getcwd()}")
ppg.FileGeneratingJob("f", write)
ppg.run()
"""
    )
    assert (script.directory / "f").read_text() == f"from steps blue 27 {script.directory}"
