"""Rows that a long evaluation keeps in its run's folder as it makes them, so that what is done is not done again."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class KeptRows:
    """A file of JSON lines that grows; a last line that a kill tore is dropped and made again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        self.rows: list[Row] = []
        for line in lines:
            try:
                self.rows.append(json.loads(line))
            except ValueError:
                break
        whole = sum(len(line) + 1 for line in lines[: len(self.rows)])
        if path.exists() and whole < path.stat().st_size:
            os.truncate(path, whole)

    def add(self, rows: Iterable[Row]) -> None:
        """Keep further rows, on the disk when this returns."""
        fresh = list(rows)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in fresh))
            file.flush()
            os.fsync(file.fileno())
        self.rows += fresh
