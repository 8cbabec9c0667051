"""The dispatcher: which ready job goes to which machine, and when. A pure core, see `core`."""

from .core import Dispatcher
from .events import (
    DataSize,
    Dispatch,
    Ended,
    Gone,
    Instruction,
    LargestMachines,
    Lost,
    MachineLost,
    MachineShare,
    Offer,
    Poisoned,
    Resident,
    Retracted,
    Unmeetable,
    Vanished,
    Withdrawn,
)

__all__ = [
    "DataSize",
    "Dispatch",
    "Dispatcher",
    "Ended",
    "Gone",
    "Instruction",
    "Lost",
    "MachineLost",
    "LargestMachines",
    "MachineShare",
    "Offer",
    "Poisoned",
    "Resident",
    "Retracted",
    "Unmeetable",
    "Vanished",
    "Withdrawn",
]
