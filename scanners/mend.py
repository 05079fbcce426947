"""Lists of entries in ill-formed XML, read so that a bad entry costs no other one.

A parser that recovers goes on in whatever element the damage left open, and gives up at what it
will not read (too deep, too long): the entries that follow are changed or lost. So the list is cut
where entries begin, and each entry that is not well-formed is read by itself.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lxml import etree

from scanners.errors import SourceError
from scanners.parse import local_name, xml_faults, xml_root

_ENTRIES = rb"item|entry|record"
# What follows the last entry, even one that has lost its end tag.
_AFTER = re.compile(
    rb"<(?:[\w.-]+:)?resumptionToken\b"
    rb"|</(?:[\w.-]+:)?(?:channel|feed|rss|RDF|ListRecords|urlset|sitemapindex)\b",
    re.IGNORECASE,
)
_DECLARATION = re.compile(rb"\s*(<\?xml\s[^<>]*\?>)")
_COMMENT = re.compile(rb"<!--(?:(?!<!--|-->).)*-->", re.DOTALL)  # in linear time
_START_TAG = re.compile(rb"<([A-Za-z_][\w:.-]*)[^<>]*>")
_ROOT_LENGTH = 10_000  # bytes of a start tag that are written around each entry
_WIDE = re.compile(rb"\xff\xfe|\xfe\xff|\0|.\0", re.DOTALL)  # so begin UTF-16 and UTF-32


@dataclass(frozen=True, slots=True)
class Pieces:
    """An ill-formed list, taken apart.

    Attributes:
        shell: the list without entries.
        good: the entries that are well-formed, in the root of the list.
        bad: the other entries.
        frame: what to write before and after an entry so that it stands in the root of the list.
        lost: how many pieces between entries belong to none, such as one without its start tag.
    """

    shell: bytes
    good: bytes
    bad: list[bytes]
    frame: tuple[bytes, bytes]
    lost: int

    def alone(self) -> Iterator[bytes]:
        """Yield each bad entry alone in the root of the list."""
        opening, closing = self.frame
        for entry in self.bad:
            yield opening + entry + closing


def take_apart(body: bytes, entries: bytes = _ENTRIES) -> Pieces | None:
    """Return the pieces of ``body``; None if it is well-formed or does not list several entries.

    ``entries`` are the local names that an entry may have, divided by ``|``.
    """
    if _WIDE.match(body) or _is_well_formed(body):
        return None
    tag = rb"<((?:[\w.-]+:)?(?:" + entries + rb"))(?=[\s/>])"
    names = Counter(re.findall(tag, body, re.IGNORECASE))
    if names.total() < 2:
        return None
    name = re.escape(names.most_common(1)[0][0])
    starts = [match.start() for match in re.finditer(rb"<" + name + rb"(?=[\s/>])", body)]
    after = _AFTER.search(body, starts[-1])
    head, tail = body[: starts[0]], body[after.start() :] if after else b""
    opening, closing = _root_tags(head)
    whole = re.compile(rb"<" + name + rb"(?:[^<>]*/>|.*?</" + name + rb"\s*>)", re.DOTALL)
    good: list[bytes] = []
    bad: list[bytes] = []
    lost = 0
    for start, stop in pairwise([*starts, len(body) - len(tail)]):
        found = whole.match(body, start, stop)
        entry = found[0] if found else body[start:stop]
        lost += bool(body[start + len(entry) : stop].strip())
        (good if _is_well_formed(opening + entry + closing) else bad).append(entry)
    together = b"".join([opening, *good, closing])
    return Pieces(head + tail, together, bad, (opening, closing), lost)


def xml_list(body: bytes, url: str, entries: bytes = _ENTRIES) -> tuple[Any, list[str]]:
    """Return the root of a list and what had to be mended, as ``xml_root`` and ``xml_faults`` do.

    The entries of a list that is ill-formed are the last children of its root.

    Raises:
        SourceError: nothing in ``body`` can be read as XML, or it is a web page.
    """
    root = xml_root(body, url)
    faults = xml_faults(root)
    pieces = take_apart(body, entries) if faults else None
    if pieces is None:
        return root, faults
    root = xml_root(pieces.shell, url)
    root.extend(_children(pieces.good, url))
    for alone in pieces.alone():
        root.extend(_children(alone, url)[:1])  # further ones are what fell out of it
    return root, faults


def is_cut(body: bytes, root: Any) -> bool:
    """Return whether ``body``, in any encoding with ASCII in it, lacks the end tag of ``root``."""
    end = rb"</(?:[\w.-]+:)?" + re.escape(local_name(root).encode()) + rb"\s*>"
    return re.search(end, body.replace(b"\0", b"")) is None


def _children(document: bytes, url: str) -> list[Any]:
    try:
        return list(xml_root(document, url))
    except SourceError:  # of the fault that brought it here the caller has been told
        return []


def _root_tags(head: bytes) -> tuple[bytes, bytes]:
    """Return what to write around an entry so that it stands in the list's root."""
    declaration = match[1] if (match := _DECLARATION.match(head)) else b""
    root = _START_TAG.search(_COMMENT.sub(b"", head))
    if root is None or len(root[0]) > _ROOT_LENGTH:
        return declaration, b""
    return declaration + root[0], b"</%b>" % root[1]


def _is_well_formed(document: bytes) -> bool:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        etree.fromstring(document, parser)
    except etree.XMLSyntaxError:
        return False
    return True
