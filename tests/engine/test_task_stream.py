"""Jobs travel to another process as they do to another machine, and find there what they mention."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .scripts import PATIENCE_S

WRITER = """
import pickle, sys
import pypipegraph as ppg
{head}
ppg.new_pipegraph(quiet=True)
{script}
graph = ppg.util.global_pipegraph
from ppg_mcp.pieces import base_parts
from ppg_mcp.run.order import topological
from ppg_mcp.run.leaving_out import taking_part
from ppg_mcp.graph import Phase
graph.order = topological(taking_part(graph))
graph.phase = Phase.RUNNING
parts = [parts for parts in base_parts(graph) if parts is not None][0]
pickle.dump((parts, {{job.job_id: job.index for job in graph.order}}), open("parts", "wb"))
"""

READER = """
import pickle, sys
sys.path[:0] = ["."]
from ppg_cs.task_stream import TaskStream
parts, index = pickle.load(open("parts", "rb"))
stream = TaskStream()
for number, part in enumerate(parts):
    stream.feed(number, part)
def run(job_id):
    task = stream.task(index[job_id])
    if hasattr(task, "load"):
        return task.load()
    if hasattr(task, "generate"):
        return task.generate(stream)
    return task.callback(*task.arguments)
{script}
"""


class Machines:
    """A master that writes parts, and other machines that read them, all in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, script: str, head: str = "") -> str:
        """Build a graph and pickle it; what `script` prints."""
        return self._python("script.py", WRITER.format(head=head, script=script))

    def read(self, script: str) -> str:
        """Load it elsewhere, and say what `script` prints."""
        return self._python("reader.py", READER.format(script=script))

    def _python(self, name: str, text: str) -> str:
        (self.directory / name).write_text(text)
        done = subprocess.run(
            [sys.executable, name], cwd=self.directory, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


def test_a_closure_does_elsewhere_what_it_does_here(machines: Machines) -> None:
    machines.write("""
word = "hello"
ppg.FileGeneratingJob("a", lambda: open("a", "w").write(word))
""")
    machines.read("run('a')")
    assert (machines.directory / "a").read_text() == "hello"


def test_what_two_jobs_share_arrives_as_one_object(machines: Machines) -> None:
    machines.write("""
class Genome: pass
def make():
    genome = Genome()
    ppg.AttributeLoadingJob("load", genome, "sequence", lambda: "ACGT")
    return genome
genome = make()
def write():
    open("a", "w").write(genome.sequence)
job = ppg.FileGeneratingJob("a", write)
""")
    machines.read("run('load'); run('a')")
    assert (machines.directory / "a").read_text() == "ACGT"


def test_objects_are_shared_across_pieces_too(machines: Machines) -> None:
    machines.write("""
import ppg_mcp.pieces
ppg_mcp.pieces.SLICE_JOBS = 1
shared = []
for i in range(5):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: shared.append(i))
ppg.FileGeneratingJob("a", lambda: open("a", "w").write(str(shared)))
""")
    machines.read("[run(f'f{i}') for i in range(5)]; run('a')")
    assert (machines.directory / "a").read_text() == "[0, 1, 2, 3, 4]"


def test_a_load_that_sets_a_global_of_the_script_is_seen_by_its_functions(machines: Machines) -> None:
    machines.write("""
data = None
def load():
    global data
    data = "loaded"
ppg.DataLoadingJob("load", load)
ppg.FileGeneratingJob("a", lambda: open("a", "w").write(data))
""")
    machines.read("run('load'); run('a')")
    assert (machines.directory / "a").read_text() == "loaded"


def test_a_lambda_of_a_module_lives_in_that_module(machines: Machines) -> None:
    (machines.directory / "steps.py").write_text("""
import pypipegraph as ppg
data = None
def load():
    global data
    data = "loaded"
def jobs():
    ppg.DataLoadingJob("load", load)
    ppg.FileGeneratingJob("a", lambda: open("a", "w").write(data))
""")
    machines.write("import steps; steps.jobs()")
    machines.read("run('load'); run('a'); import steps; assert steps.data == 'loaded'")
    assert (machines.directory / "a").read_text() == "loaded"


def test_classes_and_functions_of_the_script_are_found_under_their_names(machines: Machines) -> None:
    """Pickles name them so, and pools of processes, too."""
    machines.write("""
import pickle
class Read:
    def __init__(self, name): self.name = name
def name_of(read): return read.name
def write():
    open("a", "wb").write(pickle.dumps([Read("r1"), name_of]))
ppg.FileGeneratingJob("a", write)
""")
    shown = machines.read("""
run('a')
read, name_of = pickle.load(open('a', 'rb'))
print(name_of(read))
""")
    assert shown == "r1\n"


FUNCTIONS = """
import dataclasses
from ppg_mcp.fingerprints import function_digest, function_source
def plain(path):
    # a comment
    def nested(): return [letter for letter in path if letter != "x"]
    return nested
same_line = [lambda path: 1 + 1, lambda path: 2]
class Reader:
    def method(self, path): return {part: path for part in path}
    @staticmethod
    def static(path): return (lambda: path)
def captured(word): return lambda path: path + word
@dataclasses.dataclass
class Of: word: str
functions = [plain, plain("x"), *same_line, Reader().method, Reader.static, Reader.static("x"), captured("x")]
def tell(path):
    for f in [*functions, Of.__init__]:
        f = getattr(f, "__func__", f)
        codes = [f.__code__, *(c for c in f.__code__.co_consts if hasattr(c, "co_filename"))]
        places = [(code.co_filename, code.co_qualname, code.co_firstlineno) for code in codes]
        print(f.__qualname__, places, function_digest(f), repr(function_source(f)))
"""


def test_functions_keep_their_places_text_and_fingerprints(machines: Machines) -> None:
    here = machines.write("tell('a'); ppg.FileGeneratingJob('a', tell)", head=FUNCTIONS)
    assert "# a comment" in here
    (machines.directory / "script.py").write_text("# edited meanwhile")
    assert machines.read("run('a')") == here


def test_functions_of_cells_keep_their_text(machines: Machines) -> None:
    """What is typed is in no file, but linecache has it."""
    cell = "def write(path): raise ValueError(path)  # in a cell\n"
    machines.write(f"""
import linecache
linecache.cache["<cell>"] = (1, None, [{cell!r}], "<cell>")
exec(compile({cell!r}, "<cell>", "exec"), globals())
ppg.FileGeneratingJob("a", write)
""")
    shown = machines.read("""
import traceback
try:
    run("a")
except ValueError as error:
    traceback.print_exception(error, file=sys.stdout)
""")
    assert f'File "<cell>", line 1, in write\n    {cell}' in shown


GENERATING = """
class Genome: pass
genome = Genome()
def load():
    genome.sequence = "ACGT"
loader = ppg.DataLoadingJob("load", load)
helper = lambda text: text.lower()
def generate():
    names = ["x", "y"]
    for name in names:
        ppg.FileGeneratingJob(name, lambda name=name: open(name, "w").write(helper(genome.sequence) + str(names)))
ppg.JobGeneratingJob("generate", generate)
"""


def test_a_generated_job_finds_the_objects_of_the_machine_it_runs_on(machines: Machines) -> None:
    text = "# a long script\n" * 1000
    machines.write(GENERATING + text)
    parts = (machines.directory / "parts").read_bytes()
    assert len(text) < len(parts) < 2 * len(text), "it is sent once, for tracebacks"
    machines.read("""
made = run("generate")
open("generated", "wb").write(made.chunk)
""")
    machines.read("""
stream.feed(7, open("generated", "rb").read())
stream.define([100, 101], 7)
run("load")
index["y"] = 101
run("y")
""")
    assert (machines.directory / "y").read_text() == "acgt['x', 'y']"
    assert len((machines.directory / "generated").read_bytes()) < 3000


def test_generations_refer_to_each_other_whoever_made_them(machines: Machines) -> None:
    """The second generator runs where the first did, or elsewhere: its jobs mean the same object."""
    machines.write("""
shelf = {}
def first():
    shelf["box"] = box = []
    ppg.FileGeneratingJob("fill", lambda: box.append("filled"))
    ppg.FileGeneratingJob("other", lambda: box)
def second():
    box = ppg.util.global_pipegraph.find("other").callback.__closure__[0].cell_contents
    ppg.FileGeneratingJob("tell", lambda: open("told", "w").write(str(box)))
ppg.JobGeneratingJob("first", first)
ppg.JobGeneratingJob("second", second)
""")
    here = """
made = run("first"); open("one", "wb").write(made.chunk); stream.define([50, 51], 3)
made = run("second"); open("two", "wb").write(made.chunk); stream.define([52], 4)
index.update(fill=50, tell=52)
"""
    machines.read(here + "run('fill'); run('tell')")
    assert (machines.directory / "told").read_text() == "['filled']"
    (machines.directory / "told").unlink()
    machines.read("""
for part, name, jobs in (3, "one", [50, 51]), (4, "two", [52]):
    stream.feed(part, open(name, "rb").read()); stream.define(jobs, part)
index.update(fill=50, tell=52)
run('fill'); run('tell')
""")
    assert (machines.directory / "told").read_text() == "['filled']"


def test_a_job_that_cannot_be_sent_fails_alone_and_says_what_it_holds(machines: Machines) -> None:
    machines.write("""
log = open("log", "wb")
bad = ppg.FileGeneratingJob("bad", lambda: log.write(b"x"))
good = ppg.FileGeneratingJob("good", lambda: open("good", "w").write("!"))
good.depends_on(bad)
""")
    shown = machines.read("""
run("good")
try:
    run("bad")
except Exception as error:
    print(type(error).__name__, error)
""")
    assert (machines.directory / "good").exists()
    assert shown.startswith("JobContractError FileGeneratingJob('bad') can't be sent to another machine: ")
    assert "'log', which its callback mentions" in shown


def test_a_generated_job_that_cannot_be_sent_fails_its_generator(machines: Machines) -> None:
    machines.write("""
def generate():
    log = open("log", "wb")
    ppg.FileGeneratingJob("bad", lambda: log.write(b"x"))
ppg.JobGeneratingJob("generate", generate)
""")
    shown = machines.read("""
try:
    run("generate")
except Exception as error:
    print(type(error).__name__, error)
""")
    assert shown.startswith("JobContractError FileGeneratingJob('bad') can't be sent to another machine: ")


def test_a_long_chain_of_jobs_is_no_deep_pickle(machines: Machines) -> None:
    machines.write("""
before = None
for i in range(5000):
    job = ppg.FileGeneratingJob(f"f{i}", lambda i=i: open("last", "w").write(str(i)))
    if before: job.depends_on(before)
    before = job
""")
    machines.read("run('f4999')")
    assert (machines.directory / "last").read_text() == "4999"


def test_a_module_that_is_missing_elsewhere_is_named(machines: Machines) -> None:
    (machines.directory / "steps.py").write_text("def write(): pass\n")
    machines.write("import steps; ppg.FileGeneratingJob('a', steps.write)")
    (machines.directory / "steps.py").unlink()
    with pytest.raises(AssertionError, match="No module named 'steps'"):
        machines.read("")
