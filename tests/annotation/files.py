"""Files for the tests of importing."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

from annotation.importing.loading import ImportSummary, import_file

FIXTURES = Path(__file__).parent / "fixtures"


def jsonl(*rows: Any) -> io.BytesIO:
    """A file with a row on each line; text stays as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return io.BytesIO("".join(f"{line}\n" for line in lines).encode())


def fixture(name: str, packed: bool = False) -> io.BytesIO:
    content = (FIXTURES / name).read_bytes()
    return io.BytesIO(gzip.compress(content) if packed else content)


def trl_row(**fields: Any) -> dict[str, Any]:
    return {"prompt": "Where do swifts sleep?", "chosen": "In the air.", "rejected": "In nests, always."} | fields


def imported(file: Any, format_name: str = "trl", slug: str = "swifts", **options: Any) -> ImportSummary:
    return import_file(file, format_name, slug, options.pop("dimension", "helpfulness"), **options)
