"""Seeded damage to answers: the same random numbers give the same damage.

Damage is done to bytes, whatever they are, or to a JSON value, which stays JSON.
"""

import copy
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

_TAG = re.compile(rb"<[^<>]{1,200}>")
_NUMBER = re.compile(rb"\d+")
_DECLARED = re.compile(rb"""encoding=["'][\w-]+["']""")
_ENCODINGS = ("utf-8", "utf-16", "utf-32", "latin-1", "shift_jis", "koi8-r", "cp037", "no-such")

_FRAGMENTS = (
    b"\x00",
    b"\x1b\x08\x0b\x7f",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # half of a surrogate pair in UTF-8
    b"\xc0\xaf",  # an overlong form
    b"\xe2\x80\xae",  # right-to-left override
    b"&",
    b"&bogus;",
    b"&eacute;",
    b"&#xD800;",
    b"&#0;",
    b"&#x110000;",
    b"&#99999999999999999999;",
    b"<",
    b">",
    b'"',
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"<?php",
    b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]>",
    b"<br>",
    b"</p></div>",
    b"<script>alert(1)</script>",
    b"<x:y z='1'>",
    b"<a>" * 400,
    b"<a>" * 400 + b"</a>" * 400,
    b"\\ud800",
    b"[" * 2000,
    b'{"a":' * 2000,
)

# What may stand where JSON had something else.
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**30, 1e308, float("nan"), float("inf"), "", "\ud800", "\x00", "\u202e"),
    *("9" * 5000, "a" * 5000, "<" * 500, "javascript:alert(1)", "http://[", "http://a:b/"),
    *("2026-99-99", "0000-00-00", "99999999-01-01"),
    *([], {}, [None], [[]], [{}], {"": None}, {"a": 1}, [1, "a"], ["\ud800"], {"\ud800": "\ud800"}),
)


def damage(data: bytes, random: Random) -> bytes:
    """Return ``data`` after one to three kinds of damage."""
    for _ in range(random.randint(1, 3)):
        data = random.choice(_KINDS)(data, random)
    return data


def _flip(data: bytes, random: Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if flipped:
            flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _truncate(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def _cut_out(data: bytes, random: Random) -> bytes:
    start = random.randint(0, len(data))
    return data[:start] + data[start + random.randint(1, 200) :]


def _insert(data: bytes, random: Random) -> bytes:
    place = random.randint(0, len(data))
    return data[:place] + random.choice(_FRAGMENTS) + data[place:]


def _remove_tag(data: bytes, random: Random) -> bytes:
    return _at_tag(data, random, lambda _: b"")


def _repeat_tag(data: bytes, random: Random) -> bytes:
    return _at_tag(data, random, lambda tag: tag * random.choice((2, 2, 50)))


def _swap_tags(data: bytes, random: Random) -> bytes:
    """Put one tag of ``data`` in the place of another."""
    tags = _TAG.findall(data)
    return _at_tag(data, random, lambda _: random.choice(tags))


def _at_tag(data: bytes, random: Random, change: Callable[[bytes], bytes]) -> bytes:
    tags = list(_TAG.finditer(data))
    if not tags:
        return data
    start, end = random.choice(tags).span()
    return data[:start] + change(data[start:end]) + data[end:]


def _enlarge_number(data: bytes, random: Random) -> bytes:
    numbers = list(_NUMBER.finditer(data))
    if not numbers:
        return data
    start, end = random.choice(numbers).span()
    return data[:start] + random.choice((b"9" * 30, b"9" * 5000, b"-1", b"1e999")) + data[end:]


def _declare_another_encoding(data: bytes, random: Random) -> bytes:
    name = random.choice(_ENCODINGS).encode()
    return _DECLARED.sub(b'encoding="' + name + b'"', data, count=1)


def _recode(data: bytes, random: Random) -> bytes:
    """Write ``data`` in another encoding, whatever it declares."""
    encoding = random.choice(_ENCODINGS[1:-1])
    return data.decode("utf-8", "replace").encode(encoding, "replace")


_KINDS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flip, _truncate, _cut_out, _insert, _insert, _insert, _remove_tag, _repeat_tag, _swap_tags),
    *(_enlarge_number, _declare_another_encoding, _recode),
)


def damage_json(value: Any, random: Random) -> Any:
    """Return a copy of ``value`` with one to four of its parts changed, lost or made deep."""
    root = [copy.deepcopy(value)]
    for _ in range(random.randint(1, 4)):
        container, key = random.choice(list(_places(root)))
        match random.randrange(6):
            case 0 if isinstance(container, dict):
                del container[key]
            case 1:
                container[key] = [container[key]]
            case 2:
                container[key] = _deep(random.choice((20, 300)))
            case _:
                container[key] = copy.deepcopy(random.choice(_VALUES))
    return root[0]


def _places(container: Any) -> Any:
    """Yield (container, key) of all that lies in ``container``."""
    keys = container if isinstance(container, dict) else range(len(container))
    for key in keys:
        yield container, key
        if isinstance(container[key], dict | list):
            yield from _places(container[key])


def _deep(levels: int) -> Any:
    value: Any = "deep"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def to_json(value: Any) -> bytes:
    """Return ``value`` as JSON; lone surrogates become escapes, NaN stays as Python writes it."""
    return json.dumps(value).encode()
