"""The job types, one module per family."""

from .cached import CachedAttributeLoadingJob, CachedDataLoadingJob, CachedJob
from .file_invariants import (
    FileChecksumInvariant,
    FileInvariant,
    FileTimeInvariant,
    MultiFileInvariant,
    RobustFileChecksumInvariant,
)
from .files import FileGeneratingJob, MultiFileGeneratingJob, TempFileGeneratingJob, TempFilePlusGeneratingJob
from .final import FinalJob
from .function import FunctionInvariant
from .generating import DependencyInjectionJob, JobGeneratingJob
from .loading import AttributeLoadingJob, DataLoadingJob
from .parameter import ParameterInvariant
from .plot import PlotJob

__all__ = [
    "AttributeLoadingJob",
    "CachedAttributeLoadingJob",
    "CachedDataLoadingJob",
    "CachedJob",
    "DataLoadingJob",
    "DependencyInjectionJob",
    "FileChecksumInvariant",
    "FileGeneratingJob",
    "FileInvariant",
    "FileTimeInvariant",
    "FinalJob",
    "FunctionInvariant",
    "JobGeneratingJob",
    "MultiFileGeneratingJob",
    "MultiFileInvariant",
    "ParameterInvariant",
    "PlotJob",
    "RobustFileChecksumInvariant",
    "TempFileGeneratingJob",
    "TempFilePlusGeneratingJob",
]
