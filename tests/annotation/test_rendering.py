"""What models and people write shows as text, however hard it tries to be more."""

import pytest
from django.test import Client

from tests.annotation.answering import answer
from tests.annotation.test_work_pages import Comparison, joined, page
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "[x](https://e.test 'a\" onmouseover=\"alert(1)')",
    '[x](https://e.test/"onmouseover="alert(1))',
    "![x](https://e.test/p.png)",
    '![x](https://e.test/p.png" onerror="alert(1))',
    '<https://e.test/"onclick=alert(1)>',
    "<javascript:alert(1)>",
    "[r]\n\n[r]: javascript:alert(1)",
    '```"><script>alert(1)</script>\ncode\n```',
    '```html onclick=alert(1) "><img src=x onerror=alert(1)>\n<script>alert(1)</script>\n```',
    "    </code></pre><script>alert(1)</script>",
    "`</code><script>alert(1)</script>`",
    "|a|\n|-|\n|<script>alert(1)</script>|",
    '|a|\n|-:" onclick=alert(1)|\n|x|',
    "# <script>alert(1)</script>",
    "<style>*{background:url(https://e.test/)}</style>",
    "<base href='https://e.test/'>",
    "<meta http-equiv=refresh content='0;url=https://e.test/'>",
    "<form action='https://e.test/'><input name=csrfmiddlewaretoken></form>",
    '<div hx-get="https://e.test/" hx-trigger="load"></div>',
    '<p data-key="1" data-opens="keys-dialog">x</p>',
    "</div></article><section id=workplace>",
    "<!--<script>-->alert(1)<!--</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "\u202e<script>alert(1)</script>",
    "<scr\0ipt>alert(1)</scr\0ipt>".replace("\0", "\ufffd"),
    "{{ settings.SECRET_KEY }}{% load i18n %}",
]


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """The tags of a page as a browser's parser would see them."""
    from html.parser import HTMLParser

    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(html)
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_becomes_a_script_an_image_or_an_attribute(client: Client, annotator: User, attack: str) -> None:
    project = joined(annotator, system_prompt=attack)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": attack})
    answer(Comparison.objects.get(), a=attack, b=f"Text around it: {attack}")
    html = page(client, project)
    answers = html[html.index('id="side-a"') : html.index('<div class="judging')]
    allowed = {
        "a", "article", "blockquote", "br", "button", "code", "div", "em", "h2", "h3", "hr", "kbd", "li", "ol", "p",
        "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
    }  # fmt: skip
    for tag, attributes in elements(answers):
        assert tag in allowed, tag
        assert not any(name.startswith(("on", "hx-")) for name in attributes), attributes
        if tag == "a":
            assert (attributes["href"] or "").startswith(("https:", "http:", "mailto:", "/", "#", "%")), attributes
            assert attributes["rel"] == "noopener noreferrer nofollow"
    outside = [tag for tag, attributes in elements(html) if tag == "script" and "src" not in attributes]
    assert outside == []
    for tag, attributes in elements(html):
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    assert "settings.SECRET_KEY" in html or "SECRET_KEY" not in attack


def test_code_keeps_its_lines_and_brings_its_buttons(client: Client, annotator: User) -> None:
    project = joined(annotator)
    client.post(f"/work/{project.slug}/prompt/", {"prompt": "Code?"})
    answer(Comparison.objects.get(), a="```python\nif a < b:\n    print('&')\n```", b="| n | m |\n|---|--:|\n| 1 | 2 |")
    html = page(client, project)
    assert "if a &lt; b:\n    print('&amp;')\n" in html.replace("&#x27;", "'")
    assert "data-copies" in html and "data-wraps" in html and 'class="table-scroll" tabindex="0"' in html
