"""Rows out of files: JSON Lines, JSON, CSV, Parquet and ASDiv's XML, each row with the place where it stands.

Not here: what the fields mean (`datasets.py`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from reasonkit.errors import DatasetError


class Fields:
    """The fields of one row, read with errors that say where.

    Args:
        fields: the row.
        where: its file and line.
    """

    def __init__(self, fields: object, where: str) -> None:
        if not isinstance(fields, Mapping):
            raise DatasetError(f"{where}: not an object with named fields, but {str(fields)[:60]!r}")
        self.fields: Mapping[object, object] = fields
        self.where = where

    def text(self, name: str, *, default: str | None = None) -> str:
        """Return a text or number as text."""
        value = self.fields.get(name, default)
        if value is None:
            known = ", ".join(map(str, self.fields))
            raise DatasetError(f"{self.where}: field {name!r} is missing; the row has: {known}")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise DatasetError(f"{self.where}: field {name!r} must be text, not {str(value)[:60]!r}")
        text = str(value).strip()
        if not text:
            raise DatasetError(f"{self.where}: field {name!r} is empty")
        return text

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; empty if there is none. A cell of a CSV file holds it as JSON."""
        value = self.fields.get(name)
        if value is None or value == "":
            return ()
        if isinstance(value, str):
            value = _json(value, f"{self.where}: field {name!r}")
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise DatasetError(f"{self.where}: field {name!r} must be a list of texts, not {str(value)[:60]!r}")
        return tuple(value)


def rows_of(file: Path) -> Iterator[tuple[str, object]]:
    """Yield where each row of a file stands, for messages, and the row.

    Raises:
        DatasetError: the file cannot be read.
    """
    if file.suffix == ".parquet":
        yield from _parquet(file)
        return
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: cannot be read: {error}") from None
    if file.suffix == ".csv":
        yield from _csv(file, text)
    elif file.suffix == ".xml":
        yield from _problems(file, text)
    elif text.lstrip()[:1] == "[" or (file.suffix == ".json" and _is_one_value(text)):
        for number, row in enumerate(_listed(_json(text, str(file)), str(file)), 1):
            yield f"{file}, item {number}", row
    else:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield f"{file}, line {number}", _json(line, f"{file}, line {number}")


def _csv(file: Path, text: str) -> Iterator[tuple[str, object]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    begins = 2
    try:
        for row in reader:
            where = f"{file}, line {begins}"
            begins = reader.line_num + 1
            if None in row:
                raise DatasetError(f"{where}: more fields than the header names; is a comma not in quotes?")
            yield where, row
    except csv.Error as error:
        raise DatasetError(f"{file}, line {reader.line_num + 1}: not CSV: {error}") from None


def _is_one_value(text: str) -> bool:
    """Tell one JSON value, over many lines or with its `examples` in one, from a value a line."""
    try:
        first = json.loads(text.lstrip().partition("\n")[0])
    except ValueError:
        return True
    return isinstance(first, dict) and "examples" in first


def _json(text: str, where: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: not JSON: {error}") from None
    return value


def _listed(data: object, where: str) -> list[object]:
    """Return the rows of a JSON file: a list, or BIG-bench's `examples`."""
    rows = data.get("examples") if isinstance(data, Mapping) else data
    if not isinstance(rows, list):
        raise DatasetError(f"{where}: holds neither a list of rows nor one under 'examples'")
    return rows


def _problems(file: Path, text: str) -> Iterator[tuple[str, object]]:
    """Yield ASDiv's problems. Entities are not expanded: a file that declares some is refused."""
    if "<!ENTITY" in text:
        raise DatasetError(f"{file}: declares XML entities, which no dataset needs; take them out")
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities were refused above
    except ET.ParseError as error:
        raise DatasetError(f"{file}: not XML: {error}") from None
    for number, problem in enumerate(root.iter("Problem"), 1):
        fields: dict[str, str] = {part.tag: (part.text or "").strip() for part in problem}
        name = problem.get("ID", str(number))
        yield f"{file}, problem {name}", {"ID": name, **fields}


def _parquet(file: Path) -> Iterator[tuple[str, object]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise DatasetError(
            f"{file}: reading Parquet needs an optional package: pip install 'reasonkit[parquet]'"
        ) from None
    try:
        rows = parquet.read_table(file).to_pylist()
    except (OSError, ArrowException) as error:
        raise DatasetError(f"{file}: not Parquet: {error}") from None
    for number, row in enumerate(rows, 1):
        yield f"{file}, row {number}", row
