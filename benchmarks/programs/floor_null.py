"""The floor of a null run: a slotted object per job, a stat of its file, its row read from SQLite.

floor_null.py JOBS [--prepare] (makes the files and the table, with as many bytes a row as the status store has)
"""

import os
import sqlite3
import sys

DATABASE = "floor.sqlite"


class Job:
    __slots__ = ("found", "path", "record")

    def __init__(self, path: str) -> None:
        self.path = path
        self.record: tuple[object, ...] | None = None
        self.found: os.stat_result | None = None


def prepare(jobs: int) -> None:
    database = sqlite3.connect(DATABASE)
    database.execute("CREATE TABLE records (id TEXT PRIMARY KEY, build BLOB, inputs BLOB, files BLOB) WITHOUT ROWID")
    for number in range(jobs):
        path = f"out_{number}.txt"
        if not os.path.exists(path):
            with open(path, "w") as file:
                file.write("hello")
        row = (path, os.urandom(16), os.urandom(32), os.urandom(41))
        database.execute("INSERT INTO records VALUES (?, ?, ?, ?)", row)
    database.commit()


def look(jobs: int) -> list[Job]:
    everything = [Job(f"out_{number}.txt") for number in range(jobs)]
    records = {row[0]: row for row in sqlite3.connect(DATABASE).execute("SELECT * FROM records")}
    for job in everything:
        job.record = records[job.path]
        job.found = os.stat(job.path)
    return everything


if __name__ == "__main__":
    (prepare if "--prepare" in sys.argv else look)(int(sys.argv[1]))
