"""Clean-up of text that comes from outside."""

import re
import unicodedata

# C0/C1 controls, zero-width characters, bidirectional overrides and surrogates:
# they carry nothing a reader wants and can reorder or hide what is shown.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_WORD_LENGTH = 256  # characters; see plain
_MARKUP = re.compile(r"<[a-zA-Z/!?]|&[#\w]+;")
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt"),
    *("figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li"),
    *("main", "nav", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead"),
    *("tr", "ul"),
}
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bDr\.)(?<!\bet al\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)"
    r"\s+(?=[^\sa-z])|(?<=[。！？])"
)


def plain(text: str | None) -> str:
    """Return ``text`` on one line: NFC, no control or reordering characters, single spaces.

    For text that is already plain: a ``<`` in it is a less-than sign and stays.
    """
    if not text:
        return ""
    words = _INVISIBLE.sub(" ", text).split()
    text = " ".join(words)
    if unicodedata.is_normalized("NFC", text):
        return text
    # The marks on one letter are put in order in quadratic time, and a word may hold a million:
    # then piece by piece.
    if len(max(words, key=len)) <= _WORD_LENGTH:
        return unicodedata.normalize("NFC", text)
    pieces = (text[i : i + _WORD_LENGTH] for i in range(0, len(text), _WORD_LENGTH))
    return "".join(unicodedata.normalize("NFC", piece) for piece in pieces)


def html_to_text(markup: str | None) -> str:
    """Return the readable text of an HTML fragment, on one line; scripts and styles are dropped."""
    if not markup:
        return ""
    if not _MARKUP.search(markup):
        return plain(markup)
    from lxml import etree  # 20 ms that a search does not need

    # Not Beautiful Soup, which a million unclosed tags keep busy for minutes.
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    root = etree.fromstring(plain(markup).encode(), parser)
    if root is None:
        return ""
    etree.strip_elements(root, "script", "style", "template", with_tail=False)
    pieces = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if element.tag in _BLOCKS:  # text on both sides is not one word; in H<sub>2</sub>O it is
            pieces.append(" ")
        pieces.append(element.text if event == "start" else element.tail)
    return plain("".join(filter(None, pieces)))


def title_key(title: str) -> str:
    """Return ``title`` reduced to what survives retyping: letters and digits, caseless, unaccented.

    Two records whose keys are equal carry the same title; any script is kept.
    """
    folded = unicodedata.normalize("NFKD", title).casefold()
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


def sentences(text: str) -> list[str]:
    """Split ``text`` into sentences; good enough for an extract, in any script with . ! ? 。."""
    return [s for s in (part.strip() for part in _SENTENCE_END.split(text)) if s]
