"""Whether two processes may work together, judged from their hellos.

- Protocol majors and sessions must be equal on every link. Protocol minors may differ: they append.
- A link to a coordinator asks for no more: it serves users of any engine and Python. Its session is COORDINATOR, so
  that who mistook the address of one for that of a run, or the other way round, is told so.
- Between a master and a supervisor the engine versions must be equal, too. Python versions are not compared: a
  supervisor unpickles nothing. Its data process does, and says in Ready what it is made of.
"""

from __future__ import annotations

from ppg_protocol.messages import Hello

COORDINATOR = "coordinator"
"""The role of a coordinator, and the session of every link to one."""

_SAME_INSTALL = "install the same pypipegraph on both"


def refusal(ours: Hello, theirs: Hello) -> str | None:
    """Why these two can't work together, naming the facts of both and what to do; None when they can."""
    checks = [
        ("protocol versions", ours.protocol_major, theirs.protocol_major, _SAME_INSTALL),
        ("sessions", ours.session, theirs.session, _session_advice(ours, theirs)),
    ]
    if COORDINATOR not in (ours.role, theirs.role):
        checks.insert(1, ("pypipegraph versions", ours.engine_version, theirs.engine_version, _SAME_INSTALL))
    for what, our_value, their_value, advice in checks:
        if our_value != their_value:
            return (
                f"the {what} of {_facts(ours)} and {_facts(theirs)} differ: "
                f"{our_value!r:.80} and {their_value!r:.80}; {advice}"
            )
    return None


def _session_advice(ours: Hello, theirs: Hello) -> str:
    if COORDINATOR in (ours.role, theirs.role, ours.session, theirs.session):
        return "one of them took the address of a run for that of a coordinator, or the other way round; correct it"
    return "one of them belongs to another run; end it"


def _facts(hello: Hello) -> str:
    """Cut, because a stranger chose the lengths."""
    return (
        f"{hello.role:.40} on {hello.host:.80} (pypipegraph {hello.engine_version:.40}, "
        f"Python {hello.python_version:.40}, protocol {hello.protocol_major}.{hello.protocol_minor})"
    )
