"""Two jobs, one needs the other: run it in any directory, run it again (nothing to do), delete a file, run it again."""

from pathlib import Path

import pypipegraph

pypipegraph.new_pipegraph()

output_a = "sampleA.txt"


def write_a():
    Path(output_a).write_text("hello world")


job_a = pypipegraph.FileGeneratingJob(output_a, write_a)

output_b = "sampleB.txt"


def write_b():
    Path(output_b).write_text(Path(output_a).read_text() + ", once again")


job_b = pypipegraph.FileGeneratingJob(output_b, write_b)
job_b.depends_on(job_a)

pypipegraph.run()

print("The pipegraph is done and has returned control to you.")
print(f"{output_a} contains {Path(output_a).read_text()!r}")
print(f"{output_b} contains {Path(output_b).read_text()!r}")
assert Path(output_a).read_text() == "hello world"
assert Path(output_b).read_text() == "hello world, once again"
