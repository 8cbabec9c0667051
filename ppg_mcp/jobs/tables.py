"""Tables that a plot is made of: what counts as one, how several become one, how one becomes text.

Libraries are recognised by what their objects can do, and never imported for it: a table of pandas exists only where
pandas was imported.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ppg_protocol.errors import JobContractError


def described(value: Any) -> str:
    """The class of a value with its module, for messages."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def checked_table(job: object, value: Any) -> Any:
    """`value`, if it is a table or a dict of tables; raises JobContractError otherwise."""
    tables = list(value.values()) if isinstance(value, dict) else [value]
    for table in tables:
        if not any(hasattr(table, name) for name in ("to_csv", "write_csv", "columns_ordered")):
            raise JobContractError(
                f"{job!r}: calc_function must return a DataFrame or a dict of DataFrames, but a "
                f"{described(table)} came."
            )
    return value


def concatenated(job: object, tables: Sequence[Any]) -> Any:
    """All rows of tables of pandas or polars, in order; of dicts of tables, name by name.

    Row labels of pandas are kept, unless all tables just count their rows. Raises JobContractError for anything else.
    """
    if all(isinstance(table, dict) for table in tables):
        _check_names(job, tables)
        return {name: concatenated(job, [table[name] for table in tables]) for name in tables[0]}
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and all(isinstance(table, (pandas.DataFrame, pandas.Series)) for table in tables):
        counted = all(isinstance(table.index, pandas.RangeIndex) for table in tables)
        return pandas.concat(tables, ignore_index=counted)
    if polars is not None and all(isinstance(table, polars.DataFrame) for table in tables):
        return polars.concat(tables)
    kinds = ", ".join(sorted({described(table) for table in tables}))
    raise JobContractError(
        f"{job!r}: the tables of all its plots must be DataFrames of pandas, or all of polars, or all dicts of these, "
        f"but {kinds} came."
    )


def _check_names(job: object, tables: Sequence[dict[Any, Any]]) -> None:
    for table in tables[1:]:
        if set(table) != set(tables[0]):
            raise JobContractError(
                f"{job!r}: dicts of tables can be combined if they have the same names, but one has {list(tables[0])} "
                f"and another {list(table)}."
            )


def write_table(table: Any, path: str) -> None:
    """Tab-separated text; the tables of a dict follow each other, each under its name."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        for name, part in table.items() if isinstance(table, dict) else ((None, table),):
            if name is not None:
                file.write(f"#{name}\n")
            if hasattr(part, "to_csv"):
                part.to_csv(file, sep="\t", index=False)
            elif hasattr(part, "write_csv"):
                file.write(part.write_csv(separator="\t"))
            else:
                _write_columns(part, file)


def _write_columns(table: Any, file: Any) -> None:
    """A pydataframe: `columns_ordered` names the columns, `get_column(name)` gives one."""
    columns = list(table.columns_ordered)
    file.write("\t".join(columns) + "\n")
    for row in zip(*(table.get_column(column) for column in columns), strict=True):
        file.write("\t".join(map(str, row)) + "\n")
