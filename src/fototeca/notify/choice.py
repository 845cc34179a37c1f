"""Which notifier is used: the one place that knows them all."""

from __future__ import annotations

from fototeca.notify.protocol import Notifier
from fototeca.settings import Settings


def open_notifier(settings: Settings) -> Notifier:
    """SNS where there is a topic, else Apprise."""
    if settings.notices_topic:
        from fototeca.notify.sns import SnsNotifier

        return SnsNotifier(settings.notices_topic)
    from fototeca.notify.apprise import AppriseNotifier

    return AppriseNotifier(
        schemes=frozenset(settings.notify_schemes), inside=settings.notify_inside
    )
