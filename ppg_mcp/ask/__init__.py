"""Asking from a second terminal: `python -m pypipegraph status | why JOB | history JOB`.

    command    the command line; the only entry
    finding    which project, which store, who holds it
    server     in the master: answers on a Unix socket, beside everything else the run loop waits for
    live       what the running master answers
    client     asks it
    offline    the answers without a run, from a copy of the status store
    changes, difference, items    what changed, as data: values old and new, diffs of texts
    texts      answers as people read them

Answers are plain data (JSON), the same shapes from a run and from the store; texts are made of them by whoever asked.
"""
