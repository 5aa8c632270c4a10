"""YAML files into the validated dataclasses that configure the recipes."""

import dataclasses
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

Config = TypeVar("Config")


class ConfigError(ValueError):
    """A configuration that can't be run; says which key, which value, and what was expected."""


def read_settings(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file, or ConfigError where it isn't one."""
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} must hold `key: value` lines, got {type(settings).__name__}")
    return settings


def configure(kind: type[Config], settings: dict[str, Any]) -> Config:
    """The dataclass ``kind`` from its settings: unknown and missing keys are errors, values are brought to the
    fields' types (YAML reads 1e-5, without a dot, as text)."""
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    types = typing.get_type_hints(kind)
    unknown = sorted(set(settings) - set(fields))
    if unknown:
        raise ConfigError(f"unknown setting {', '.join(unknown)}; known are {', '.join(fields)}")
    required = {name for name, field in fields.items() if _has_no_default(field)}
    missing = sorted(required - set(settings))
    if missing:
        raise ConfigError(f"setting {', '.join(missing)} is missing")
    return kind(**{name: _typed(name, value, types[name]) for name, value in settings.items()})


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _typed(name: str, value: Any, kind: Any) -> Any:
    if type(None) in (kinds := typing.get_args(kind)):
        if value is None:
            return None
        [kind] = set(kinds) - {type(None)}
    if kind not in (int, float, Path, str, bool):
        return value
    try:
        converted = kind(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} must be {kind.__name__}, got {value!r}") from error
    lossy = kind is int and converted != value
    if lossy or isinstance(value, bool) != (kind is bool) or value is None:
        raise ConfigError(f"{name} must be {kind.__name__}, got {value!r}")
    return converted
