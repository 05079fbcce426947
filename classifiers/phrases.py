"""Labels by the phrases of the taxonomy: no training, any language, any scheme.

Rule: each distinct phrase found is independent evidence that the label applies, with probability
``IN_TEXT`` or, in the title, ``IN_TITLE``; the score is the probability that at least one is right
(noisy-or). A funder's own topic code in the venue, such as HORIZON-CL3-2024-BM-01, counts
``BY_CODE``. A label is assigned from ``THRESHOLD`` on: a hit in the title, or two in the text.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate

from classifiers.base import LabelScore
from classifiers.words import FOLD, fold
from core.document import Document
from core.taxonomy import Taxonomy

IN_TEXT = 0.5
IN_TITLE = 0.75
BY_CODE = 0.9
THRESHOLD = 0.7
MAX_REASONS = 5

_CJK = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HEBREW = re.compile(r"[\u05d0-\u05ea]")
# One particle may stand between two Korean words that the phrase writes apart, or no space at all.
_KOREAN_GAP = r"(?:[을를의은는이가과와로]?\s+)?"
# And, the, as, in, to, from, that: written together with the word, two at most before a noun.
_HEBREW_PREFIX = r"[והבלמשכ]{0,2}"
_GAP = r"[^\w.;!?]{1,3}"


@dataclass(frozen=True, slots=True)
class _Phrase:
    words: tuple[str, ...]  # the longest first: a text without one of them need not be searched
    pattern: re.Pattern[str]
    columns: tuple[int, ...]  # of the labels it speaks for


class PhraseLabeler:
    """Scores the labels of ``taxonomy``, but those in ``without``, by phrases in any language."""

    def __init__(self, taxonomy: Taxonomy, *, without: Collection[str] = ()) -> None:
        chosen = [(scheme, label) for scheme, label in taxonomy if label.id not in without]
        columns: dict[str, list[int]] = {}
        for column, (_, label) in enumerate(chosen):
            for phrase in dict.fromkeys(p for some in label.phrases.values() for p in some):
                columns.setdefault(fold(phrase), []).append(column)
        self._labels = [(label.id, scheme.id) for scheme, label in chosen]
        self._phrases = [_compile(phrase, tuple(c)) for phrase, c in columns.items()]
        self._latin = [phrase for phrase in self._phrases if "".join(phrase.words).isascii()]
        self._codes = [
            (re.compile(code), column)
            for column, (_, label) in enumerate(chosen)
            for code in label.codes
        ]
        digest = blake2b(
            repr((self._labels, columns, self._codes)).encode(), digest_size=4
        ).hexdigest()
        self.name = f"phrases-{taxonomy.version}-{digest}"

    def label(self, documents: Sequence[Document]) -> list[list[LabelScore]]:
        """Return per document one score for each label, in the taxonomy's order."""
        if not self._labels:
            return [[] for _ in documents]
        return [self._label(document) for document in documents]

    def _label(self, document: Document) -> list[LabelScore]:
        miss: dict[int, float] = {}
        reasons: dict[int, list[str]] = {}
        for pattern, column in self._codes if document.venue else ():
            if code := pattern.search(document.venue):
                reasons[column] = [code[0]]
                miss[column] = 1 - BY_CODE
        for start, found, columns in self._find(document.text):
            evidence = IN_TITLE if start < len(document.title) else IN_TEXT
            for column in columns:
                reasons.setdefault(column, []).append(found)
                miss[column] = miss.get(column, 1.0) * (1 - evidence)
        return [
            LabelScore(
                label,
                scheme,
                score=(score := 1 - miss.get(column, 1.0)),
                assigned=score >= THRESHOLD,
                origin="phrases",
                reasons=tuple(reasons.get(column, ())[:MAX_REASONS]),
            )
            for column, (label, scheme) in enumerate(self._labels)
        ]

    def _find(self, text: str) -> Iterable[tuple[int, str, tuple[int, ...]]]:
        """Yield where each phrase first stands, as ``text`` writes it, and for which columns."""
        folded = fold(text)
        spans: dict[tuple[int, int], set[int]] = {}
        for phrase in self._latin if folded.isascii() else self._phrases:
            if phrase.words[0] not in folded or not all(word in folded for word in phrase.words):
                continue
            if match := phrase.pattern.search(folded):
                spans.setdefault(match.span(), set()).update(phrase.columns)
        if not spans:
            return
        origin = _origins(text, folded)
        for (start, end), columns in sorted(spans.items()):
            # "drone swarm" is one piece of evidence, not also a "drone".
            inside = {
                column
                for (s, e), others in spans.items()
                if s <= start and end <= e and (s, e) != (start, end)
                for column in others
            }
            if own := columns - inside:
                yield origin[start], text[origin[start] : origin[end - 1] + 1], tuple(sorted(own))


def _origins(text: str, folded: str) -> Sequence[int]:
    """Return for each character of ``folded`` its index in ``text``."""
    if len(folded) == len(text):
        return range(len(text))
    ends = accumulate(len(FOLD[ord(character)]) for character in text)
    origins: list[int] = []
    for index, end in enumerate(ends):
        origins.extend([index] * (end - len(origins)))
    return origins


def _compile(phrase: str, columns: tuple[int, ...]) -> _Phrase:
    """Return the search for one folded phrase; its script decides what may surround a word."""
    words = re.findall(r"\w+\*?", phrase)
    if not words:
        raise ValueError(f"a phrase without letters: {phrase!r}")
    if _CJK.search(phrase):
        pattern = _KOREAN_GAP.join(map(re.escape, words))
    elif _HEBREW.search(phrase):
        pattern = _GAP.join(rf"\b{_HEBREW_PREFIX}{re.escape(word)}\b" for word in words)
    else:
        pattern = r"\b" + _GAP.join(map(_inflected, words)) + r"\b"
    parts = sorted((word.rstrip("*") for word in words), key=len, reverse=True)
    return _Phrase(tuple(parts), re.compile(pattern), columns)


def _inflected(word: str) -> str:
    """Return the pattern of a word and its short endings; ``*`` at its end lets it go on."""
    if word.endswith("*"):
        return re.escape(word[:-1]) + r"\w*"
    ending = r"[a-z]{0,2}" if len(word) > 3 else "s?"
    return re.escape(word) + ending
