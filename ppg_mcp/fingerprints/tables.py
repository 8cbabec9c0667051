"""Parts of the values of numpy, pandas and polars: by content, never by repr.

Rules
- Nothing is imported here: a value of one of these packages proves that the package is in sys.modules.
- An array is its dtype, its shape and the digest of its elements in C order: strides and memory order are not seen,
  byte order is (it is part of the dtype). Dtypes whose memory holds pointers or padding (objects, strings of variable
  width, structures, long doubles) are taken element by element or field by field.
- A Series, Index or DataFrame is its names, its dtypes, its values and its index. `attrs`, `flags` and the frequency
  of an index are not seen: `equals` does not see them either.
- A subclass of an array that is not numpy's own (with a unit, say) is its instance attributes as well.
- What has no content of its own here (a LazyFrame, a random generator) is unknown.
"""

from __future__ import annotations

import sys
from typing import Any

from .atoms import Bulk, Named
from .digest import digest
from .parts import Parts, PartsFunction, callable_name, instance_attributes, type_name

_INLINE_BYTES = 64  # smaller contents are kept readable


def table_parts(root: str) -> PartsFunction:
    return {"numpy": _numpy, "pandas": _pandas, "polars": _polars}[root]


def _unknown(value: Any) -> Parts:
    if callable(value) and isinstance(getattr(value, "__name__", None), str):
        return Named(f"function {callable_name(value)}")
    return None


def _numpy(value: Any) -> Parts:
    np = sys.modules["numpy"]
    if isinstance(value, np.ma.MaskedArray):
        return (_array(value.filled()), np.ma.getmaskarray(value).tobytes(), _scalar(value.fill_value))
    if isinstance(value, np.ndarray):
        attributes = {} if type(value).__module__.startswith("numpy") else instance_attributes(value)
        return (*_array(np.asarray(value)), attributes) if attributes else _array(np.asarray(value))
    if isinstance(value, np.dtype):
        return _dtype(value)
    if isinstance(value, np.generic):
        return _scalar(value)
    return _unknown(value)


def _scalar(value: Any) -> tuple[Any, ...]:
    plain = value.item()
    if value.dtype.kind not in "mM" and type(plain) in (bool, int, float, complex, str, bytes):
        return (*_dtype(value.dtype), plain)
    return _array(sys.modules["numpy"].asarray(value))


def _dtype(dtype: Any) -> tuple[Any, ...]:
    if dtype.names is not None:
        return (dtype.itemsize, *[(name, _dtype(dtype.fields[name][0]), dtype.fields[name][1]) for name in dtype.names])
    if dtype.subdtype is not None:
        return (_dtype(dtype.subdtype[0]), dtype.subdtype[1])
    return (repr(dtype) if dtype.kind == "T" else dtype.str,)


def _array(array: Any) -> tuple[Any, ...]:
    dtype = array.dtype
    head = (_dtype(dtype), array.shape)
    if dtype.names is not None:
        return (*head, *[_array(array[name]) for name in dtype.names])
    if dtype.hasobject or dtype.kind == "T":
        return (*head, array.ravel().tolist())
    flat = sys.modules["numpy"].ascontiguousarray(array).reshape(-1)
    if dtype.char in "gG":
        return (*head, [str(v) for v in flat])  # padding bytes are not initialised
    return (*head, _bulk(flat.view("u1").data if flat.size and dtype.itemsize else b""))


def _bulk(data: Any) -> Any:
    return bytes(data) if len(data) <= _INLINE_BYTES else Bulk(digest(data))


def _pandas(value: Any) -> Parts:
    pd = sys.modules["pandas"]
    if isinstance(value, pd.DataFrame):
        return (value.columns, value.index, [_column(value.iloc[:, i].array) for i in range(value.shape[1])])
    if isinstance(value, pd.Series):
        return (value.name, value.index, _column(value.array))
    if isinstance(value, pd.MultiIndex):
        return (list(value.names), [_column(value.get_level_values(i).array) for i in range(value.nlevels)])
    if isinstance(value, pd.RangeIndex):
        return (value.name, value.start, value.stop, value.step)
    if isinstance(value, pd.Index):
        return (value.name, _column(value.array))
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return _column(value)
    if value is pd.NaT or value is pd.NA:
        return ()
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        return (value.asm8.view("i8").item(), value.unit, getattr(value, "tzinfo", None), getattr(value, "fold", 0))
    if isinstance(value, pd.Period):
        return (value.ordinal, value.freqstr)
    if isinstance(value, pd.Interval):
        return (value.left, value.right, value.closed)
    if isinstance(value, pd.api.extensions.ExtensionDtype):
        return (
            (str(value), value.categories, value.ordered) if isinstance(value, pd.CategoricalDtype) else (repr(value),)
        )
    return _unknown(value)


def _column(array: Any) -> tuple[Any, ...]:
    """An ExtensionArray: the name of its dtype, then its values."""
    pd = sys.modules["pandas"]
    dtype = array.dtype
    head = (type_name(type(dtype)), str(dtype))
    if isinstance(dtype, pd.CategoricalDtype):
        return (*head, dtype.categories, dtype.ordered, array.codes)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return (*head, array.asi8)
    if isinstance(dtype, sys.modules["numpy"].dtype) or type(array).__name__ == "NumpyExtensionArray":
        return (*head, array.to_numpy())
    return (*head, list(array.astype(object)))


def _polars(value: Any) -> Parts:
    pl = sys.modules["polars"]
    if isinstance(value, pl.DataFrame):
        return tuple(_polars(column) for column in value.get_columns())
    if isinstance(value, pl.Series):
        return (value.name, repr(value.dtype), value.to_list())
    if isinstance(value, pl.DataType) or (isinstance(value, type) and issubclass(value, pl.DataType)):
        return (repr(value),)
    return _unknown(value)
