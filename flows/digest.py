"""Digest: the week, written and, on request, mailed once to each subscriber."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from core.office import load_office
from core.subscribers import Subscriber
from reports.deliver import message, to_outbox, write_digest
from reports.digest import Digest
from reports.gather import gather
from reports.render import to_html, to_text
from store import runs
from store.database import Connection, open_writer


@flow(name="digest")
def digest(
    week: str, config: str, store: str, send: bool = False, subscriber_ids: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the digest of ``week`` and return its files and what was mailed.

    Returns:
        ``html`` and ``text``: paths; ``mailed``: paths of the messages written in this call.

    Raises:
        ValueError: a subscriber id is not in subscribers.yaml.
        ConfigError, StoreError: configuration or store cannot be used.
    """
    office = load_office(Path(config), Path(store))
    known = {subscriber.id: subscriber for subscriber in office.subscribers}
    if unknown := [i for i in subscriber_ids if i not in known]:
        raise ValueError(f"no subscriber {', '.join(unknown)} in subscribers.yaml")
    settings = office.settings
    with open_writer(settings.store, office.partners) as con:
        gathered = gather(
            con,
            week,
            taxonomy=office.taxonomy,
            partners=office.partners,
            settings=settings.digest,
            source_names={source.id: source.name for source in office.sources},
        )
        html, text = write_digest(gathered, settings.digests)
        mailed = []
        if send:
            for subscriber in [known[i] for i in subscriber_ids] or office.subscribers:
                path = mail(con, gathered, subscriber, settings.digest.sender, settings.outbox)
                mailed += [str(path)] if path else []
    return {"html": str(html), "text": str(text), "mailed": mailed}


@task(name="mail", retries=1, cache_policy=NO_CACHE, persist_result=False)
def mail(
    con: Connection, gathered: Digest, subscriber: Subscriber, sender: str, outbox: Path
) -> Path | None:
    """Put the digest into the outbox unless this subscriber has had it; return the message's path.

    The ledger says ``pending`` before and ``sent`` after. A crash between leaves a message of the
    same name and Message-ID, which the next run writes over: the outbox never holds two.
    """
    if runs.is_sent(con, gathered.week, subscriber.id):
        return None
    mail_message = message(
        gathered, subscriber, sender=sender, html=to_html(gathered), text=to_text(gathered)
    )
    entry = {
        "week": gathered.week,
        "subscriber": subscriber.id,
        "message_id": str(mail_message["Message-ID"]),
    }
    runs.record_delivery(con, **entry, status="pending")
    path = to_outbox(mail_message, outbox, f"{gathered.week}-{subscriber.id}.eml")
    runs.record_delivery(con, **entry, status="sent", detail=path.name)
    return path
