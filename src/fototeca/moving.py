"""Moves a library to another place: another folder, a bucket, AWS, and back.

Everything is copied, nothing is taken away. What is there already is not copied again, so a move
that was interrupted goes on; at its end every photo's hash, labels and corrections are compared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from fototeca.app import Library
from fototeca.catalog.protocol.accounts import Account
from fototeca.catalog.protocol.photos import PhotoRecord
from fototeca.label_settings import LabelSettings
from fototeca.photos import Selection
from fototeca.vault.protocol import OriginalArchived, OriginalMissing, Size

AT_ONCE = 8
"""Photos worked on at the same time: most of it is waiting for the other place."""

Progress = Callable[[str, int, int], None]
"""`on_progress(what, done, total)`, in photos."""


class MoveRefused(Exception):
    """It cannot be done as asked. The text says why."""


@dataclass(slots=True)
class MoveReport:
    accounts: int = 0
    photos: int = 0
    """That are now at the target just as they are at the source."""
    bytes: int = 0
    copied: int = 0
    """Photos that were not at the target, or not so."""
    restoring: int = 0
    """Whose originals are on their way from the source's archive tiers: for the next time."""
    differences: list[str] = field(default_factory=list)
    """What is not the same at both places, in words."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A photo at the source, and whose it is at the target."""

    owner: str
    id: str
    size: int
    to: str


class Moving:
    def __init__(self, source: Library, target: Library) -> None:
        self._source = source
        self._target = target
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End after the photos in hand."""
        self._stopping.set()

    def run(
        self,
        user: str | None = None,
        to_user: str | None = None,
        on_progress: Progress = lambda _what, _done, _total: None,
    ) -> MoveReport:
        """Copy every account, or that of the address `user`, and compare.

        `to_user` is the address of the account that one account's photos become part of.
        Raises MoveRefused, VaultFull, CatalogFull.
        """
        report = MoveReport()
        owners = self._move_accounts(user, to_user, report)
        total = sum(map(self._photos_of, owners))
        away: set[tuple[str, str]] = set()
        for done, (copy, copied) in enumerate(self._each(self._copy, owners), 1):
            try:
                report.copied += copied.result()
            except OriginalArchived:
                away.add((copy.owner, copy.id))
            except _Different as difference:
                report.differences.append(f"photo {copy.id}: {difference}")
            on_progress("Copying", done, total)
        for done, (copy, compared) in enumerate(self._each(self._compare, owners), 1):
            try:
                compared.result()
                report.photos += 1
                report.bytes += copy.size
            except _Different as difference:
                if (copy.owner, copy.id) not in away:
                    report.differences.append(f"photo {copy.id}: {difference}")
            on_progress("Comparing", done, total)
        report.restoring = len(away)
        if away:
            report.differences.append(
                f"originals on their way from the archive, to be moved in a day: {len(away):,}"
            )
        if self._stopping.is_set():
            report.differences.append("interrupted; move it again to go on")
        report.differences = list(dict.fromkeys(report.differences))
        return report

    def _move_accounts(
        self, user: str | None, to_user: str | None, report: MoveReport
    ) -> dict[str, str]:
        """Whose photos each account's become: owners at the target by owners at the source."""
        accounts = self._source.catalog.accounts.all()
        if user is not None:
            accounts = [account for account in accounts if _is(account, user)]
        if user is not None and not accounts:
            raise MoveRefused(f"no account {user} where it is moved from")
        if to_user is not None and len(accounts) > 1:
            raise MoveRefused("several accounts cannot become one: say which one is moved")
        owners = {}
        for account in accounts:
            owners[account.id] = self._account_at_target(account, to_user)
            self._move_settings(account.id, owners[account.id], report)
        report.accounts = len(owners)
        return owners

    def _account_at_target(self, account: Account, to_user: str | None) -> str:
        there = self._target.catalog.accounts
        if to_user is not None:
            named = there.by_email(to_user)
            if named is None:
                raise MoveRefused(f"no account {to_user} where it is moved to")
            return named.id
        same = there.get(account.id) or (account.email and there.by_email(account.email))
        if same:
            return same.id
        if account.email is None and self._target.settings.table is not None:
            raise MoveRefused(
                "an account without an address cannot sign in on AWS: say whose photos they become"
                " there, --to-user EMAIL"
            )
        record = self._source.catalog.accounts.record(account.id)
        if record is not None:
            there.put(record)
        return account.id

    def _move_settings(self, owner: str, to: str, report: MoveReport) -> None:
        settings = self._source.catalog.label_preferences.get(owner)
        there = self._target.catalog.label_preferences
        if there.get(to) == LabelSettings() != settings:
            there.put(to, settings)
        if there.get(to) != settings:
            report.differences.append(f"account {to}: its label settings there are kept")

    def _photos_of(self, owner: str) -> int:
        page = self._source.catalog.photos.page
        return sum(page(owner, Selection(), trashed=t, limit=1).total for t in (False, True))

    def _photos(self, owners: dict[str, str]) -> Iterator[_Copy]:
        for photo in self._source.catalog.photos.all():
            if self._stopping.is_set():
                return
            if photo.owner in owners:
                yield _Copy(photo.owner, photo.id, photo.size, owners[photo.owner])

    def _each(
        self, step: Callable[[_Copy], bool], owners: dict[str, str]
    ) -> Iterator[tuple[_Copy, Future[bool]]]:
        """Each photo with what came of the step; a few are always under way."""
        running: dict[Future[bool], _Copy] = {}
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="move") as pool:
            try:
                for copy in self._photos(owners):
                    running[pool.submit(step, copy)] = copy
                    while len(running) >= 2 * AT_ONCE:
                        for future in wait(running, return_when=FIRST_COMPLETED).done:
                            yield running.pop(future), future
                for future in wait(running).done:
                    yield running[future], future
            finally:
                for future in running:
                    future.cancel()

    def _copy(self, copy: _Copy) -> bool:
        """Whether there was something to copy. Its bytes come first, then what is known of it."""
        record = self._record(copy)
        if record is None:
            return False
        before = self._target.catalog.photos.record(copy.to, copy.id)
        there = self._target.vault.original_size(copy.to, copy.id) == copy.size
        if there and before == record:
            return False
        if not there:
            self._copy_original(copy)
        for size in Size:
            jpeg = self._source.vault.rendition(copy.owner, copy.id, size)
            if jpeg is not None:
                self._target.vault.keep_rendition(copy.to, copy.id, size, jpeg)
        self._target.catalog.photos.put(record)
        return True

    def _copy_original(self, copy: _Copy) -> None:
        archive = self._source.vault.assembly
        if archive is not None and archive.restore(copy.owner, [copy.id]):
            raise OriginalArchived(copy.id)
        chunks = self._source.vault.read_original(copy.owner, copy.id, 0, copy.size)
        with self._target.vault.stage() as staged:
            try:
                for chunk in chunks:
                    staged.write(chunk)
            except OriginalArchived:
                raise
            except OriginalMissing as error:
                raise _Different("its original is not at the source: see check") from error
            if staged.sha256 != copy.id:
                raise _Different("its original is damaged at the source: see check")
            self._target.vault.keep_original(copy.to, copy.id, staged)

    def _compare(self, copy: _Copy) -> bool:
        record, there = self._record(copy), self._target.catalog.photos.record(copy.to, copy.id)
        if record is None:
            return False  # purged since the move began
        if there is None:
            raise _Different("it is not at the target")
        wrong = [
            what
            for what, same in (
                ("its name, times or state", there.photo == record.photo),
                ("what was detected on it", there.detections == record.detections),
                ("its corrections", there.correction == record.correction),
                ("its labels", self._labels_on(copy)),
            )
            if not same
        ]
        if self._target.vault.original_sha256(copy.to, copy.id) != copy.id:
            wrong.append("its bytes")
        if wrong:
            raise _Different(f"not the same at the target: {', '.join(wrong)}")
        return True

    def _record(self, copy: _Copy) -> PhotoRecord | None:
        """The photo at the source, as the target is to have it."""
        record = self._source.catalog.photos.record(copy.owner, copy.id)
        return record and replace(record, photo=replace(record.photo, owner=copy.to))

    def _labels_on(self, copy: _Copy) -> bool:
        """Whether the same labels are on it at both places."""
        here = self._source.catalog.photos.labels_of(copy.owner, copy.id)
        there = self._target.catalog.photos.labels_of(copy.to, copy.id)
        return here is not None and there is not None and here.on == there.on


class _Different(Exception):
    """The photo is not at the target as it is at the source. The text says in what."""


def _is(account: Account, email: str) -> bool:
    return account.email is not None and account.email.casefold() == email.casefold()
