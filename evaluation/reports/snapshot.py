"""What a report was made from, as bytes: the same material makes the same bytes, on any machine and at any time.

The content is one line of canonical JSON, in which an array is `{"array": type, "shape": [...], "at": offset}`, and
then the arrays' little-endian bytes one after the other. Text is written as its distinct values and their positions.
What is stored is this content compressed; its digest, SHA-256, is that of the content, which no compressor changes.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.judging import Ballots, Collected
from evaluation.reports.material import Facts, Material

FORMAT = "plumbline-report-1"


class SnapshotError(ValueError):
    """Bytes that are no snapshot, or not the one that they are said to be."""


def freeze(material: Material) -> tuple[bytes, str]:
    """The compressed bytes and the digest of their content."""
    body = bytearray()
    collected = {field.name: getattr(material.collected, field.name) for field in fields(Collected)}
    ballots = collected.pop("ballots")
    head = {
        "format": FORMAT,
        "facts": asdict(material.facts),
        "collected": collected,
        "ballots": {field.name: getattr(ballots, field.name) for field in fields(Ballots)},
        "extras": material.extras,
    }
    line = json.dumps(_written(head, body), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    content = line.encode() + b"\n" + bytes(body)
    return zlib.compress(content, 6), hashlib.sha256(content).hexdigest()


def thaw(snapshot: bytes, digest: str) -> Material:
    """The material again. Raises SnapshotError where the bytes are not those of the digest."""
    try:
        content = zlib.decompress(snapshot)
    except zlib.error as error:
        raise SnapshotError(f"the snapshot can't be read: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise SnapshotError(f"the snapshot has the digest {found}, expected {digest}: it is not what was published")
    line, body = content.split(b"\n", 1)
    head = _read(json.loads(line), body)
    if head["format"] != FORMAT:
        raise SnapshotError(f"the snapshot is written as {head['format']}, expected {FORMAT}")
    facts = head["facts"] | {"models": tuple(head["facts"]["models"])}
    return Material(Facts(**facts), Collected(ballots=Ballots(**head["ballots"]), **head["collected"]), head["extras"])


def _written(value: Any, body: bytearray) -> Any:
    """The value for JSON; arrays go to the end of `body`."""
    if isinstance(value, np.ndarray):
        return _written_text(value, body) if value.dtype.kind == "U" else _written_array(value, body)
    if isinstance(value, Mapping):
        return {key: _written(item, body) for key, item in value.items()}  # slices come in the order of labels
    if isinstance(value, (list, tuple)):
        return [_written(item, body) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _written_array(array: NDArray[Any], body: bytearray) -> dict[str, Any]:
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    place = {"array": plain.dtype.str, "shape": list(plain.shape), "at": len(body)}
    body += plain.tobytes()
    return place


def _written_text(array: NDArray[np.str_], body: bytearray) -> dict[str, Any]:
    words, positions = np.unique(array, return_inverse=True)
    where = _written_array(positions.reshape(array.shape).astype(np.int32), body)
    return where | {"words": words.tolist()}


def _read(value: Any, body: bytes) -> Any:
    if isinstance(value, list):
        return [_read(item, body) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" not in value:
        return {key: _read(item, body) for key, item in value.items()}
    kind, shape = np.dtype(value["array"]), value["shape"]
    flat = np.frombuffer(body, dtype=kind, count=int(np.prod(shape)), offset=value["at"])
    array = flat.reshape(shape).astype(kind.newbyteorder("="))
    if "words" in value:
        words = np.array(value["words"], dtype=np.str_)
        return words[array] if len(words) else np.empty(shape, dtype=np.str_)
    return array
