"""Markdown from people and models as safe HTML: no raw HTML, no images, links that tell their target nothing.

Code and tables scroll inside of the text; a block of code has buttons (folding.js), shown where there is that script.
"""

from collections.abc import MutableMapping, Sequence
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
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


def code_block(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    """Escaped by the parser's own rule; whoever works by keyboard reaches it to scroll."""
    drawn = getattr(RendererHTML, tokens[index].type)(self, tokens, index, options, env)
    tools = format_html(
        '<div class="code-tools"><button type="button" data-wraps aria-pressed="false">{}</button>'
        '<button type="button" data-copies data-done="{}" data-marked="{}">{}</button></div>',
        _("Wrap lines"),
        _("Copied"),
        _("Marked: press Ctrl+C"),
        _("Copy"),
    )
    reached = drawn.replace("<pre>", '<pre tabindex="0">', 1)
    return f'<div class="code">{tools}{reached}</div>\n'


def table_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    return f'<div class="table-scroll" tabindex="0">{self.renderToken(tokens, index, options, env)}'


def table_close(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    return f"{self.renderToken(tokens, index, options, env)}</div>"


parser = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True}).disable("image")
parser.add_render_rule("link_open", link_open)
parser.add_render_rule("heading_open", heading)
parser.add_render_rule("heading_close", heading)
parser.add_render_rule("fence", code_block)
parser.add_render_rule("code_block", code_block)
parser.add_render_rule("table_open", table_open)
parser.add_render_rule("table_close", table_close)


def markdown(text: str) -> SafeString:
    """HTML of Markdown. What is not Markdown, tags and scripts for instance, shows as the text that it is."""
    return mark_safe(parser.render(text))  # noqa: S308  (html is off: every character of the text is escaped)
