"""Of a form's boxes and buttons: whether what was typed or drafted has chosen them."""

from typing import Any

from django import template

register = template.Library()


@register.simple_tag
def checked(typed: dict[str, Any], name: str, value: Any) -> str:
    """The attribute of the box `value` of the field `name`."""
    chosen = typed.get(name, [])
    return "checked" if str(value) in ([chosen] if isinstance(chosen, str) else chosen) else ""


@register.simple_tag
def selected(typed: dict[str, Any], name: str, value: Any) -> str:
    """The attribute of the option `value` of the select `name`."""
    return "selected" if typed.get(name) == str(value) else ""
