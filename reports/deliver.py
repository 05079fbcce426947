"""The digest on its way: files, and one message per reader in the outbox."""

import os
from contextlib import suppress
from datetime import UTC, datetime, time
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from hashlib import blake2b
from pathlib import Path

from core.subscribers import Subscriber
from core.text import plain
from reports.digest import Digest
from reports.render import to_html, to_text
from reports.words import number


def message(
    digest: Digest, subscriber: Subscriber, *, sender: str, html: str, text: str
) -> EmailMessage:
    """Return the mail that brings ``digest`` to ``subscriber``; the same input, the same bytes.

    ``sender`` is an address with or without a name, such as ``Horizon <horizon@example.org>``.

    Raises:
        ValueError: ``sender`` holds no address.
    """
    mail = EmailMessage(policy=SMTP)
    origin = _address(*parseaddr(plain(sender)))
    key = f"{digest.week}.{subscriber.id}"
    mail["Subject"] = _subject(digest)
    mail["From"] = origin
    mail["To"] = _address(subscriber.name, subscriber.address)
    mail["Date"] = datetime.combine(digest.sunday, time(12), UTC)
    mail["Message-ID"] = f"<{key}@{origin.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies, please
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    # Python would draw a boundary at random; quoted-printable text holds no '=_', so this is safe.
    mail.set_boundary(f"=_{blake2b(key.encode(), digest_size=12).hexdigest()}")
    return mail


def to_outbox(mail: EmailMessage, folder: Path, name: str) -> Path:
    """Write ``mail`` as ``folder/name`` (such as ``2026-W46-analysts.eml``), whole or not."""
    return _write(folder / name, mail.as_bytes())


def write_digest(digest: Digest, folder: Path) -> tuple[Path, Path]:
    """Write ``2026-W46.html`` and ``2026-W46.txt`` into ``folder``, each whole or not at all."""
    return (
        _write(folder / f"{digest.week}.html", to_html(digest).encode()),
        _write(folder / f"{digest.week}.txt", to_text(digest).encode()),
    )


def _subject(digest: Digest) -> str:
    when = f"Horizon, week {digest.week.partition('-W')[2]} of {digest.week[:4]}"
    if not digest.coverage.relevant:
        return f"{when}: nothing to report"
    countries = dict.fromkeys(
        c.name for entry in digest.top for c in entry.countries if c.is_partner
    )
    led = f", with {', '.join(list(countries)[:3])} on top" if countries else ""
    return f"{when}: {number(digest.coverage.relevant, 'document')} from abroad{led}"


def _address(name: str, address: str) -> Address:
    if "@" not in address:
        raise ValueError(f"no address in {name or address!r}; write such as horizon@example.org")
    return Address(display_name=plain(name), addr_spec=plain(address))


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            partial.unlink()
        raise
    return path
