"""The lambda phage pipeline from outside: what is made, what is redone after which change, what a kill leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from example_runs import PHAGE, PhageRuns

COVERAGE = {f"coverage/from_{start:05d}.tsv" for start in (1, 10001, 20001, 30001, 40001)}
MERGED = {"alignments.tsv", "mapping_stats.tsv"}


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> PhageRuns:
    """A first run from nothing. Tests read it and leave it as it is."""
    runs = PhageRuns(tmp_path_factory.mktemp("undisturbed") / "results")
    runs.run()
    return runs


@pytest.fixture
def finished(undisturbed: PhageRuns, tmp_path: Path) -> PhageRuns:
    """A finished run of a copy of the scripts that may be edited."""
    return finished_copy(tmp_path)


def finished_copy(directory: Path) -> PhageRuns:
    source = directory / "source"
    source.mkdir()
    for script in PHAGE.glob("*.py"):
        shutil.copy(script, source)
    (source / "data").symlink_to(PHAGE / "data")
    runs = PhageRuns(directory / "results", source / "pipeline.py")
    runs.run()
    return runs


def edit(runs: PhageRuns, script: str, old: str, new: str) -> None:
    path = runs.script.parent / script
    text = path.read_text()
    assert text.count(old) == 1, f"{script} holds {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))


def without_plot_parts(names: set[str]) -> set[str]:
    """The plot's cached table has a name that is the engine's business."""
    assert "coverage.png" in names
    return {name for name in names if "coverage.png" not in name}


def test_what_it_makes(undisturbed: PhageRuns) -> None:
    files = undisturbed.files()
    variants = files["variants.tsv"].read_text().splitlines()
    evidence = {name for name in files if name.startswith("evidence/")}
    assert len(evidence) == len(variants) > 10
    assert {name for name in files if name.startswith("coverage/")} == COVERAGE
    assert set(files) >= MERGED | {"summary.tsv", "coverage.png", "cache/mappable", "cache/expected_depth"}
    assert files["coverage.png"].read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    rows = [line.split("\t") for line in files["alignments.tsv"].read_text().splitlines()]
    assert len(rows) == 8000
    starts = [int(row[0]) for row in rows]
    assert starts == sorted(starts)
    summary = files["summary.tsv"].read_text()
    assert f"mapped reads\t{sum(start >= 0 for start in starts)}\n" in summary
    assert all(f"variant {Path(name).stem}\t" in summary for name in evidence)
    assert "bases of the genome: 48502" in (undisturbed.output / "report.txt").read_text()


def test_temporaries_vanish(undisturbed: PhageRuns) -> None:
    assert list((undisturbed.output / "chunks").iterdir()) == []
    assert list((undisturbed.output / "mapped").iterdir()) == []


def test_second_run_makes_nothing_and_says_so(finished: PhageRuns) -> None:
    directories = [finished.output / name for name in ("chunks", "mapped", "cache", "coverage", "evidence")]
    before = finished.versions(), [directory.stat().st_mtime_ns for directory in directories]
    said = finished.run()
    assert "nothing had to be done" in said
    assert (finished.versions(), [directory.stat().st_mtime_ns for directory in directories]) == before


def test_another_directory_gives_the_same_bytes(undisturbed: PhageRuns, finished: PhageRuns) -> None:
    assert finished.contents() == undisturbed.contents()


def test_a_parameter_redoes_what_depends_on_it(undisturbed: PhageRuns, finished: PhageRuns) -> None:
    dependants = COVERAGE | {"cache/expected_depth", "summary.tsv"}
    assert without_plot_parts(finished.redone("--window", "1000")) == dependants
    assert len((finished.output / "coverage/from_00001.tsv").read_text().splitlines()) == 1 + 10
    assert finished.redone("--window", "1000") == set()
    assert without_plot_parts(finished.redone()) == dependants
    assert finished.contents() == undisturbed.contents(), "flipped forth and back, as if nothing had been"


def test_fewer_allowed_mismatches_redo_the_mapping(finished: PhageRuns) -> None:
    redone = finished.redone("--mismatch-percent", "2")
    assert redone >= MERGED | COVERAGE | {"variants.tsv", "summary.tsv", "coverage.png", "cache/expected_depth"}
    assert "cache/mappable" not in redone, "mappability has nothing to do with reads"
    assert list((finished.output / "mapped").iterdir()) == []


def test_an_edited_helper_redoes_what_names_it(finished: PhageRuns) -> None:
    edit(finished, "depth.py", '(bases.count("G") + bases.count("C"))', 'sum(base in "GC" for base in bases)')
    before = finished.contents()
    assert without_plot_parts(finished.redone()) == COVERAGE
    assert finished.contents() == before, "the new formula gives the same numbers"


def test_an_edited_drawing_draws_again(finished: PhageRuns) -> None:
    edit(finished, "pipeline.py", 'color="tab:blue"', 'color="tab:red"')
    assert finished.redone() == {"coverage.png"}, "the table behind the plot is cached"


def test_comments_and_docstrings_redo_nothing(finished: PhageRuns) -> None:
    edit(
        finished,
        "depth.py",
        "    bases = genome[slice(*window)]\n",
        "    # G or C\n\n    bases = genome[slice(*window)]\n",
    )
    edit(finished, "mapping.py", '"""Every position of every seed', '"""All positions of every seed')
    edit(
        finished, "pipeline.py", "    piles = variants.pile_up", "    # one pile per base\n    piles = variants.pile_up"
    )
    assert finished.redone() == set()


def test_a_lost_file_is_made_again(undisturbed: PhageRuns, finished: PhageRuns) -> None:
    lost = next(name for name in finished.files() if name.startswith("evidence/"))
    (finished.output / lost).unlink()
    assert finished.redone() == {lost, "summary.tsv"}
    assert finished.contents() == undisturbed.contents()


def test_a_failing_job_takes_only_its_dependants_along(undisturbed: PhageRuns, tmp_path: Path) -> None:
    runs = finished_copy(tmp_path)
    for name in ("coverage.png", "summary.tsv", "report.txt"):
        (runs.output / name).unlink()
    edit(runs, "pipeline.py", "    figure = Figure(", '    raise ValueError("out of paper")\n    figure = Figure(')
    failed = runs.attempt()
    assert failed.returncode == 1
    assert "coverage.png" in failed.stderr
    assert "out of paper" in failed.stderr
    assert "out of paper" in (runs.output / "logs" / "ppg_errors.txt").read_text()
    assert (runs.output / "summary.tsv").exists(), "it does not depend on the plot"
    assert not (runs.output / "coverage.png").exists()
    assert not (runs.output / "report.txt").exists(), "a final job runs only if nothing failed"
    edit(runs, "pipeline.py", '    raise ValueError("out of paper")\n', "")
    assert runs.redone() == {"coverage.png"}
    assert runs.contents() == undisturbed.contents()


@pytest.mark.parametrize(
    ("seen", "committed"),
    [
        pytest.param("chunks/*.fq", set(), id="while splitting"),
        pytest.param("mapped/*.tsv", set(), id="while mapping"),
        pytest.param("coverage/*.tsv", MERGED, id="while tabulating"),
        pytest.param("evidence/*.tsv", MERGED | {"variants.tsv"}, id="while collecting evidence"),
    ],
)
def test_killed_in_the_middle(undisturbed: PhageRuns, tmp_path: Path, seen: str, committed: set[str]) -> None:
    """A job starts only after those it needs are on record: once its file is seen, theirs must not be made again."""
    runs = PhageRuns(tmp_path / "results")
    runs.kill_when(lambda: next(runs.output.glob(seen), None) is not None)
    before = runs.versions()
    runs.run()
    after = runs.versions()
    assert {name: after[name] for name in committed} == {name: before[name] for name in committed}
    assert runs.contents() == undisturbed.contents()
    assert runs.redone() == set()
