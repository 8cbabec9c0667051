"""The job types, one module per family."""

from .cached import CachedAttributeLoadingJob, CachedDataLoadingJob, CachedJob
from .combined_plot import CombinedPlotJob
from .file_invariants import (
    FileChecksumInvariant,
    FileInvariant,
    FileTimeInvariant,
    MultiFileInvariant,
    RobustFileChecksumInvariant,
)
from .files import (
    FileGeneratingJob,
    MultiFileGeneratingJob,
    MultiTempFileGeneratingJob,
    TempFileGeneratingJob,
    TempFilePlusGeneratingJob,
)
from .final import FinalJob
from .function import FunctionInvariant
from .generating import DependencyInjectionJob, JobGeneratingJob
from .loading import AttributeLoadingJob, DataLoadingJob
from .memory_mapped import MemMappedDataLoadingJob
from .notebook import NotebookJob
from .parameter import ParameterInvariant
from .plot import PlotJob

__all__ = [
    "AttributeLoadingJob",
    "CachedAttributeLoadingJob",
    "CachedDataLoadingJob",
    "CachedJob",
    "CombinedPlotJob",
    "DataLoadingJob",
    "DependencyInjectionJob",
    "FileChecksumInvariant",
    "FileGeneratingJob",
    "FileInvariant",
    "FileTimeInvariant",
    "FinalJob",
    "FunctionInvariant",
    "JobGeneratingJob",
    "MemMappedDataLoadingJob",
    "MultiFileGeneratingJob",
    "MultiFileInvariant",
    "MultiTempFileGeneratingJob",
    "NotebookJob",
    "ParameterInvariant",
    "PlotJob",
    "RobustFileChecksumInvariant",
    "TempFileGeneratingJob",
    "TempFilePlusGeneratingJob",
]
