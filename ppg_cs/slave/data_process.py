"""A data process that is started by exec, with the interpreter of a master on another machine.

Its first argument is a file descriptor, its end of the channel. The first packet is SETUP: fields of SupervisorConfig
as a mapping, of Prepare as a list, pid of the supervisor; with it comes the memory of the board. It answers FACTS:
Python version, engine version, cloudpickle version, interpreter, distributions, and where engine and cloudpickle are.
From then on it is a data process like any other; what is forked from it can't tell the difference.

Everything of its own is imported before the master's sys.path is entered: that may have other packages.
"""

from __future__ import annotations

import faulthandler
import os
import platform
import socket
import sys
import traceback
import warnings
from typing import Any, NoReturn

import cloudpickle

from ppg_cs import control, hygiene
from ppg_cs.control import Channel
from ppg_cs.data_process import DataProcess, settle_in
from ppg_cs.feeding import unfit_for
from ppg_cs.slave import surroundings
from ppg_cs.slave.distributions import installed
from ppg_cs.slave.engine import engine_version, package_path
from ppg_cs.slave.session_setup import unpack_config
from ppg_cs.task_stream import MAIN, TaskStream
from ppg_cs.workplace import Workplace
from ppg_protocol.cluster_messages import Prepare, ResourceLimit, Variable


def main() -> NoReturn:
    """The process's whole life."""
    try:
        end = socket.socket(fileno=int(sys.argv[1]))
        os.set_inheritable(end.fileno(), False)
        packet = Channel(end).receive()
        if packet is not None:
            _, config, fields, supervisor_pid = packet[0]
            hygiene.die_with_parent(supervisor_pid)
            _serve(end, config, unpack_prepare(fields), packet[1][0])
    except BaseException:
        traceback.print_exc()
    finally:
        hygiene.leave(1, sys.stderr)


def _serve(end: socket.socket, config: dict[str, Any], prepare: Prepare, memory: int) -> NoReturn:
    hygiene.reset_signals()
    facts = (platform.python_version(), engine_version(), cloudpickle.__version__, sys.executable)
    paths = package_path("ppg_mcp"), package_path("cloudpickle")
    stream = TaskStream()
    workplace = Workplace(unpack_config(config), stream.task, memory)
    workplace.stream = stream
    os.close(memory)
    workplace.use_streams()
    faulthandler.enable(2)
    warnings.filterwarnings("ignore", ".*use of fork.*", DeprecationWarning)
    channel = Channel(end)
    try:
        surroundings.enter(prepare)
    except BaseException as error:
        channel.send((control.UNFIT, unfit_for(error)))
        raise
    sys.modules[MAIN].__dict__["__file__"] = prepare.main_file
    settle_in(workplace)
    distributions = [(d.name, d.version) for d in installed(sys.path)]
    channel.send((control.FACTS, *facts, distributions, *paths))
    DataProcess(workplace, end).serve()


def pack_prepare(prepare: Prepare) -> list[Any]:
    """As fields of a packet."""
    p = prepare
    variables = [(v.name, v.value) for v in p.environment]
    limits = [(limit.number, limit.soft, limit.hard) for limit in p.limits]
    head = [p.project_directory, p.nonce_file, p.nonce, p.python, p.cwd, p.umask, p.sys_path]
    return [*head, variables, limits, p.main_file, p.parts]


def unpack_prepare(fields: list[Any]) -> Prepare:
    """From fields of a packet."""
    project, nonce_file, nonce, python, cwd, umask, sys_path, variables, limits, main_file, parts = fields
    environment = tuple(Variable(*v) for v in variables)
    bounds = tuple(ResourceLimit(*limit) for limit in limits)
    head = project, nonce_file, nonce, python, cwd, umask
    return Prepare(*head, tuple(sys_path), environment, bounds, main_file, parts)
