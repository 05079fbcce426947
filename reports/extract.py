"""The two sentences of a text that say why it is told."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import hypot

from rich.cells import cell_len, set_cell_size

from core.text import sentences, title_key

_SENTENCES = 2
# Columns as a terminal counts them: a Chinese, Japanese or Korean character says, and takes, two.
_SHORT = 300  # columns; an abstract no longer is told whole
_LONGEST = 440  # columns; a longer extract ends in …
_MOST = 60  # sentences considered: some sources send whole articles


def extract(title: str, abstract: str, reasons: Sequence[str]) -> str:
    """Return two sentences of ``abstract``, in its order; a short one whole.

    The pair in which most of ``reasons`` occur; among those, the pair nearest to the whole text:
    the sum of each sentence's cosine with it, over counts of three letters (the centroid of
    Radev et al. 2004, in a form that needs no words and so serves every script).
    """
    found = sentences(abstract)[:_MOST]
    if cell_len(abstract) <= _SHORT or len(found) <= _SENTENCES:
        return _shorten(abstract)
    keys = [title_key(s) for s in found]
    wanted = [title_key(reason) for reason in reasons]
    hits = [{reason for reason in wanted if reason and reason in key} for key in keys]
    whole = _triples(title_key(f"{title} {abstract}"))
    near = [_cosine(_triples(key), whole) for key in keys]
    first, second = max(
        combinations(range(len(found)), _SENTENCES),
        key=lambda pair: (len(hits[pair[0]] | hits[pair[1]]), near[pair[0]] + near[pair[1]]),
    )
    gap = " " if second == first + 1 else " … "
    return _shorten(found[first] + gap + found[second])


def _shorten(text: str) -> str:
    if cell_len(text) <= _LONGEST:
        return text
    head = set_cell_size(text, _LONGEST)
    cut = head.rfind(" ")
    # A script without spaces has no word to spare.
    return (head[:cut] if cut > len(head) // 2 else head).rstrip(" ,;:–-") + " …"


def _triples(text: str) -> Counter[str]:
    return Counter(text[i : i + 3] for i in range(len(text) - 2))


def _cosine(a: Counter[str], b: Counter[str]) -> float:
    norm = hypot(*a.values()) * hypot(*b.values())
    return sum(count * b[triple] for triple, count in a.items()) / norm if norm else 0.0
