"""Whether two processes may work together, judged from their hellos.

Protocol majors, engine versions, Python minors and the session must be equal: tasks and exceptions travel as pickles
of code, which only the same Python minor reads, and both ends of a run are one engine. Protocol minors may differ:
they append.
"""

from __future__ import annotations

from ppg_protocol.messages import Hello


def refusal(ours: Hello, theirs: Hello) -> str | None:
    """Why these two can't work together, naming the facts of both and what to do; None when they can."""
    for what, our_value, their_value, advice in (
        ("protocol versions", ours.protocol_major, theirs.protocol_major, "install the same pypipegraph on both"),
        ("pypipegraph versions", ours.engine_version, theirs.engine_version, "install the same pypipegraph on both"),
        ("Python versions", _minor(ours), _minor(theirs), "use the same Python major.minor on both"),
        ("sessions", ours.session, theirs.session, "one of them belongs to another run; end it"),
    ):
        if our_value != their_value:
            return (
                f"the {what} of {_facts(ours)} and {_facts(theirs)} differ: "
                f"{our_value!r:.80} and {their_value!r:.80}; {advice}"
            )
    return None


def _minor(hello: Hello) -> str:
    return ".".join(hello.python_version.split(".", 2)[:2])


def _facts(hello: Hello) -> str:
    """Cut, because a stranger chose the lengths."""
    return (
        f"{hello.role:.40} on {hello.host:.80} (pypipegraph {hello.engine_version:.40}, "
        f"Python {hello.python_version:.40}, protocol {hello.protocol_major}.{hello.protocol_minor})"
    )
