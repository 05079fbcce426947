"""JATS, the markup of journals, as plain text: in titles and abstracts, with MathML and TeX.

https://www.crossref.org/documentation/schema-library/markup-guide-metadata-segments/abstracts/
"""

import html
import re
from collections.abc import Iterator
from typing import Any

from lxml.html import fragment_fromstring

from core.text import plain

# Prefixes are not declared, and "<" for less than is common: neither XML nor HTML as it comes.

_TAG = re.compile(
    r"<(/?)(?:[a-z]+:)?([a-z][a-z0-9-]*)"
    r"(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*\s*(/?)>",
    re.IGNORECASE,
)
# A comment ends where the next begins, or a million openings would be looked at a million times.
_COMMENT = re.compile(r"<!--(?:(?!<!--|-->).)*-->|<!\[CDATA\[|\]\]>", re.DOTALL)
_BLOCKS = {"p", "title", "sec", "list", "list-item", "disp-formula", "label", "break", "br", "div"}
_HEADING = re.compile(
    r"(?:\d+\.?\s*)?(?:abstract|summary|r[ée]sum[ée]|zusammenfassung|resumen|background|"
    r"introduction|objectives?|aims?|purpose|methods?|methodology|materials and methods|design|"
    r"results?|findings|discussion|conclusions?|discussion ?/ ?conclusions?)\s*[.:]?",
    re.IGNORECASE,
)
_TEX = re.compile(  # in linear time
    r"\\begin\{document\}((?:(?!\\begin\{document\}).)*?)\\end\{document\}", re.DOTALL
)


def jats_to_text(markup: str | None) -> str:
    """Return the plain text of a title or abstract with the markup of JATS, MathML or HTML in it.

    Usual headings ("Abstract", "Methods") are left out. Of a formula given in several ways one is
    taken, MathML before TeX.
    """
    markup = plain(markup)
    if "<" not in markup:
        return plain(html.unescape(html.unescape(markup)))  # often escaped twice
    elements, end = [], 0
    for tag in _TAG.finditer(markup := _COMMENT.sub("", markup)):
        elements += [markup[end : tag.start()].replace("<", "&lt;")]
        name = f"x-{tag[2].lower()}"  # of which no HTML parser has an opinion
        elements += [f"<{tag[1]}{name}>" + (f"</{name}>" if tag[3] else "")]
        end = tag.end()
    elements += [markup[end:].replace("<", "&lt;")]
    root = fragment_fromstring("".join(elements), create_parent="x-root")
    return plain(html.unescape("".join(_pieces(root))))


def _pieces(element: Any) -> Iterator[str]:
    """Yield the text in ``element``, with a space where a block begins or ends."""
    name = element.tag.removeprefix("x-")
    gap = " " if name in _BLOCKS else ""
    yield gap
    if name == "math":
        yield "".join(map(str.strip, element.xpath(".//text()[not(ancestor::x-annotation)]")))
    elif name == "tex-math":
        tex = "".join(element.itertext())
        yield (document[1] if (document := _TEX.search(tex)) else tex).strip(" $")
    elif name == "alternatives":
        forms = [form for form in element if form.tag in ("x-math", "x-tex-math")]
        for form in sorted(forms, key=lambda form: form.tag)[:1]:
            yield from _pieces(form)
    elif not (name == "title" and _HEADING.fullmatch("".join(element.itertext()).strip())):
        yield element.text or ""
        for child in element:
            yield from _pieces(child)
            yield child.tail or ""
    yield gap
