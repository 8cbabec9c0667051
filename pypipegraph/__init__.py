"""pypipegraph: a workflow engine that does just the work that needs to be (re-)done.

    import pypipegraph as ppg

    ppg.new_pipegraph()
    a = ppg.FileGeneratingJob("a.txt", lambda path: open(path, "w").write("hello"))
    ppg.run()

See the README for the guide, and `help()` of each job class for its contract.
"""

import sys

from ppg_mcp import resource_coordinators, util
from ppg_mcp.api import (
    cores,
    destroy_global_pipegraph,
    forget_job_status,
    inside_ppg,
    new_pipegraph,
    new_pipeline,
    run,
    run_pipegraph,
)
from ppg_mcp.exceptions import (
    CommunicationFailure,
    CycleError,
    JobContractError,
    JobDiedException,
    JobFailure,
    PyPipeGraphError,
    PyPipelineGraphError,
    RuntimeError,
    RuntimeException,
)
from ppg_mcp.graph import Pipegraph
from ppg_mcp.job import Job
from ppg_mcp.job_list import JobList
from ppg_mcp.jobs import (
    AttributeLoadingJob,
    CachedAttributeLoadingJob,
    CachedDataLoadingJob,
    CachedJob,
    CombinedPlotJob,
    DataLoadingJob,
    DependencyInjectionJob,
    FileChecksumInvariant,
    FileGeneratingJob,
    FileInvariant,
    FileTimeInvariant,
    FinalJob,
    FunctionInvariant,
    JobGeneratingJob,
    MemMappedDataLoadingJob,
    MultiFileGeneratingJob,
    MultiFileInvariant,
    MultiTempFileGeneratingJob,
    NotebookJob,
    ParameterInvariant,
    PlotJob,
    RobustFileChecksumInvariant,
    TempFileGeneratingJob,
    TempFilePlusGeneratingJob,
)
from ppg_mcp.version import __version__

sys.modules[__name__ + ".util"] = util
sys.modules[__name__ + ".resource_coordinators"] = resource_coordinators

__all__ = [
    "AttributeLoadingJob",
    "CachedAttributeLoadingJob",
    "CachedDataLoadingJob",
    "CachedJob",
    "CombinedPlotJob",
    "CommunicationFailure",
    "CycleError",
    "DataLoadingJob",
    "DependencyInjectionJob",
    "FileChecksumInvariant",
    "FileGeneratingJob",
    "FileInvariant",
    "FileTimeInvariant",
    "FinalJob",
    "FunctionInvariant",
    "Job",
    "JobContractError",
    "JobDiedException",
    "JobFailure",
    "JobGeneratingJob",
    "JobList",
    "MemMappedDataLoadingJob",
    "MultiFileGeneratingJob",
    "MultiFileInvariant",
    "MultiTempFileGeneratingJob",
    "NotebookJob",
    "ParameterInvariant",
    "Pipegraph",
    "PlotJob",
    "PyPipeGraphError",
    "PyPipelineGraphError",
    "RobustFileChecksumInvariant",
    "RuntimeError",
    "RuntimeException",
    "TempFileGeneratingJob",
    "TempFilePlusGeneratingJob",
    "__version__",
    "cores",
    "destroy_global_pipegraph",
    "forget_job_status",
    "inside_ppg",
    "new_pipegraph",
    "new_pipeline",
    "resource_coordinators",
    "run",
    "run_pipegraph",
    "util",
]
