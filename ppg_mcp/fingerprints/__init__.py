"""Fingerprints: has this function, has this value changed since the last run?

    fingerprint_function(f)     code, defaults and closure of a callable
    function_source(f)          the source text of that code, to show what changed
    function_digest(f)          whether any of these differs
    fingerprint_value(value)    a parameter
    function_description(f)     what of it is kept, to show later what changed
    value_description(value)    the same of a parameter
    in_words(description)       that as text

Where to read on: `atoms.py` and `values.py` (the canonical encoding), `parts.py` and `tables.py` (which types are
known), `syntax.py` and `bytecode.py` (the two canonical forms of code), `sources.py` and `codes.py` (which of the
two, once per code object), `function_encoding.py` (what of a callable counts). An object says itself what it is worth
with a method `__ppg_fingerprint__()`.

Only the standard library and xxhash are used. ast, linecache and xxhash are imported by the first function, not with
this package.
"""

from .function_fingerprint import (
    FunctionFingerprint,
    fingerprint_function,
    function_description,
    function_digest,
    function_source,
)
from .readable import Description, in_words
from .value_fingerprint import ValueFingerprint, fingerprint_value, value_description

__all__ = [
    "Description",
    "FunctionFingerprint",
    "ValueFingerprint",
    "fingerprint_function",
    "fingerprint_value",
    "function_description",
    "function_digest",
    "function_source",
    "in_words",
    "value_description",
]
