"""Markdown from people and models as safe HTML: no raw HTML, no images, links that tell their target nothing."""

from collections.abc import MutableMapping, Sequence
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict


def link_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    tokens[index].attrSet("target", "_blank")
    return self.renderToken(tokens, index, options, env)


def heading(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    """Two levels down: a text's headings stand below those of the page that shows it."""
    tokens[index].tag = f"h{min(6, int(tokens[index].tag[1]) + 2)}"
    return self.renderToken(tokens, index, options, env)


parser = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True}).disable("image")
parser.add_render_rule("link_open", link_open)
parser.add_render_rule("heading_open", heading)
parser.add_render_rule("heading_close", heading)


def markdown(text: str) -> SafeString:
    """HTML of Markdown. What is not Markdown, tags and scripts for instance, shows as the text that it is."""
    return mark_safe(parser.render(text))  # noqa: S308  (html is off: every character of the text is escaped)
