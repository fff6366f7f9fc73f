"""Notices: what happens becomes a message for whoever asked for it, once, at a fit hour, until it arrives or is given up."""

import asyncio
import hashlib
import hmac
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization

from audits.defects.reconcile import reconcile
from audits.trends.kept import keep_points
from audits.trust import accept, judge
from crawler.windows import Windows
from db.database import Database
from db.errors import UsageError
from db.tables import (
    Account,
    Defect,
    DefectEvent,
    Health,
    Notice,
    Organisation,
    Schedule,
    ScheduledRun,
    Sweep,
)
from db.words import Came, Channel, Days, DefectState, Role, Telling, Trust
from reports.access.accounts import Grant, make_account
from reports.language import TOKYO, Language
from reports.notices import writing
from reports.notices.channels import Undelivered, deliver
from reports.notices.message import Message
from reports.notices.outbox import collect
from reports.notices.sending import AGAIN, send_due, sending
from reports.notices.settings import Form, Hook, Mail, NoticeSettings, Security, read_notices
from reports.notices.subscriptions import Place, check_email, choose, end, subscribe
from tests.audits.trending import Histories
from tests.crawler.servers import Certificates
from tests.reports.mailbox import Hooks, Mailbox, hook_server, mail_server

PUBLIC = "https://a11y.example.lg.jp"
MONDAY = datetime(2026, 6, 1, tzinfo=TOKYO)
HOUR = timedelta(hours=1)
EVERYWHERE = Place()


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mail_server() as found:
        yield found


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with hook_server() as found:
        yield found


def settings_for(box: Mailbox | None = None, hooks: Hooks | None = None, **given: Any) -> NoticeSettings:
    """Settings as a file gives them; nothing is quiet unless the test says so."""
    mail = box and Mail(
        host="127.0.0.1", port=box.port, security=Security.NONE, sender="調査係 <a11y@example.lg.jp>"
    )
    named = {
        "intake": Hook(name="intake", form=Form.JSON, address=f"{hooks.url}/in", secret="鍵", allow_private=True),
        "team": Hook(name="team", form=Form.SLACK, address=f"{hooks.url}/T0/B0/himitsu", allow_private=True),
    } if hooks else {}  # fmt: skip
    return NoticeSettings(public=PUBLIC, mail=mail, hooks=named, **given)


async def send_at(database: Database, settings: NoticeSettings, moment: datetime) -> int:
    """What is due at a moment, in no time."""
    return await send_due(database, settings, lambda: moment)


def write_settings(folder: Path, text: str, **secrets: str) -> Path:
    """A file of settings with its secrets beside it."""
    for name, secret in secrets.items():
        (folder / f"{name}.txt").write_text(secret, encoding="utf-8")
        (folder / f"{name}.txt").chmod(0o600)
    path = folder / "notices.toml"
    path.write_text(text, encoding="utf-8")
    return path


@dataclass
class Town:
    """Two organisations with sites, whose sweeps are put in as they would finish."""

    database: Database
    ours: int = 0
    theirs: int = 0
    sites: list[int] = field(default_factory=list)
    histories: Histories | None = None

    async def begin(self) -> None:
        async with self.database.writing() as connection:
            for name in ("総務局\n<!channel>", "環境局"):
                row = sa.insert(Organisation).values(name=name).returning(Organisation.id)
                number = await connection.scalar(row)
                assert number is not None
                self.ours, self.theirs = self.ours or number, number
            self.histories = Histories(connection=connection)
            self.sites = await self.histories.sites(2, self.ours) + await self.histories.sites(1, self.theirs, "t")

    async def sweep(self, site: int, at: datetime, pages: int = 10, **given: Any) -> int:
        """A sweep that finishes at a moment; what makes it count, or suspect, is the real thing."""
        assert self.histories is not None
        failing = given.pop("failing", {"image-alt": {0}})
        async with self.database.writing() as connection:
            self.histories.connection = connection
            known = set(self.histories.defects.values())
            [sweep] = await self.histories.sweeps(
                [self.sites[site]], at.date(), failing, pages=pages, created_at=at - HOUR, finished_at=at, **given
            )
            for defect in set(self.histories.defects.values()) - known:  # as auditing leaves them
                row = {"defect_id": defect, "sweep_id": sweep, "new": DefectState.FOUND, "who": "jisweep", "at": at}
                await connection.execute(sa.insert(DefectEvent).values(row))
            if await judge(connection, sweep) is Trust.SOUND:
                await reconcile(connection, sweep)
                await keep_points(connection)
                taken = sa.update(Sweep).where(Sweep.id == sweep).values(reconciled_at=at)
                await connection.execute(taken)
        return sweep

    async def account(self, name: str, role: Role, organisation: int | None = None) -> int:
        async with self.database.writing() as connection:
            grant = Grant(role=role, organisation=organisation)
            return await make_account(connection, name, name, [grant], email=f"{name}@example.lg.jp")

    async def told(self, account: int, *kinds: Telling, lang: str = "ja") -> None:
        async with self.database.writing() as connection:
            await choose(connection, account, kinds, lang, "x", MONDAY - 10 * HOUR)

    async def subscribe(
        self, channel: Channel, recipient: str, *kinds: Telling, place: Place = EVERYWHERE
    ) -> list[int]:
        async with self.database.writing() as connection:
            return await subscribe(
                connection, kinds, channel, recipient, account=None, place=place, lang="ja", who="x",
                at=MONDAY - 10 * HOUR,
            )  # fmt: skip


@pytest.fixture
async def town(database: Database) -> Town:
    found = Town(database)
    await found.begin()
    return found


async def test_a_week_is_told_once_and_at_fit_hours(
    town: Town, box: Mailbox, hooks: Hooks, database: Database, tmp_path: Path
) -> None:
    manager = await town.account("manager", Role.MANAGER)
    team = await town.account("team", Role.WEB_TEAM, town.ours)
    operator = await town.account("operator", Role.OPERATOR)
    await town.told(manager, Telling.DIGEST)
    await town.told(team, Telling.DEFECTS, Telling.DUE)
    await town.told(operator, Telling.SUSPECT, Telling.FAILED, lang="en")
    await town.subscribe(Channel.HOOK, "intake", Telling.FINISHED, place=Place(organisation=town.ours))
    file = write_settings(
        tmp_path, '[smtp]\nhost = "127.0.0.1"\nsecurity = "none"\nfrom = "x@y.jp"\n[quiet]\nurgent = true'
    )
    read = read_notices(file, PUBLIC)
    settings = settings_for(box, hooks, quiet=read.quiet, urgent=read.urgent)
    numbers: dict[str, int] = {}

    async def night(hour: int) -> None:
        """What happens in the hour before so many after Monday's midnight."""
        at = MONDAY + hour * HOUR - timedelta(minutes=30)
        day, clock = divmod(hour, 24)
        if clock == 3 and day < 5:
            numbers[f"ours {day}"] = await town.sweep(0, at, 10 if day != 2 else 4)
            numbers[f"theirs {day}"] = await town.sweep(2, at)
        if hour == 4 * 24 + 3:  # on Friday another fault comes up
            failing = {"image-alt": {0}, "label": {1, 2}}
            numbers["new"] = await town.sweep(1, at, failing=failing)
        if hour == 2 * 24 + 10:  # on Wednesday a sweep cannot go on
            row = {"halted": {"ja": "ブラウザーがない", "en": "no browser"}, "halted_at": at}
            async with database.writing() as connection:
                stuck = sa.update(Sweep).where(Sweep.id == numbers["theirs 1"]).values(row)
                await connection.execute(stuck)
        if hour == 3 * 24 + 12:
            async with database.writing() as connection:
                await accept(connection, numbers["ours 2"], "佐藤", "統合")
                decided = sa.update(Health).where(Health.decided_at.is_not(None)).values(decided_at=at)
                await connection.execute(decided)

    sent: list[tuple[str, str]] = []
    since: datetime | None = None
    seen = 0
    for hour in (24 * day + clock for day in range(8) for clock in (0, 3, 7, 8, 10, 12, 19, 20)):
        await night(hour)
        at = MONDAY + hour * HOUR
        for _ in range(2):  # another process does the same
            await collect(database, at, since)
            await send_at(database, settings, at)
        since = at
        moment = f"{at:%a %H}"
        sent += [(moment, f"{mail['To'].split('@')[0]}: {mail['Subject']}") for mail in box.mails[seen:]]
        seen = len(box.mails)
    assert ("Mon 08", "team: [jisweep] s0.example.lg.jp：新しい欠陥 1 件、再発した欠陥 0 件") in sent
    suspect = [each for each in sent if "suspect" in each[1]]
    assert suspect == [("Wed 03", "operator: [jisweep] A sweep is suspect; please look at it: s0.example.lg.jp")]
    failed = [each for each in sent if "cannot go on" in each[1]]
    assert failed == [("Wed 10", "operator: [jisweep] A sweep cannot go on: t0.example.lg.jp")]
    assert [each for each in sent if "s1.example" in each[1]] == [
        ("Fri 08", "team: [jisweep] s1.example.lg.jp：新しい欠陥 2 件、再発した欠陥 0 件")
    ]
    digests = [each for each in sent if each[1].startswith("manager")]
    assert [moment for moment, _ in digests] == ["Mon 08", "Mon 08"]  # before the week, and after it
    quiet = [each for each in sent if not 8 <= int(each[0][4:]) < 20]
    assert quiet == suspect
    told = [each.told for each in hooks.posted]
    finished = [each["facts"]["sweep"] for each in told]
    assert sorted(finished) == sorted({number for name, number in numbers.items() if not name.startswith("theirs")})
    assert len(sent) == len({(mail["To"], mail["Message-ID"]) for mail in box.mails})
    [week] = [mail for mail in box.mails if mail["To"].startswith("manager") and "2026年6月1日" in mail["Subject"]]
    text = week.get_content()
    assert "3サイトのうち3サイト" in text
    assert "検査した" in text or "30ページ" in text  # the share with what it stands on
    assert f"{PUBLIC}/" in text
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).where(Notice.sent_at.is_(None))) == 0


async def test_days_of_repair_are_told_when_they_are_near_and_when_they_have_passed(
    town: Town, box: Mailbox, database: Database
) -> None:
    account = await town.account("team", Role.WEB_TEAM, town.ours)
    await town.told(account, Telling.DUE)
    await town.sweep(0, MONDAY - 30 * HOUR)
    await town.sweep(2, MONDAY - 30 * HOUR)  # of another organisation

    async def plan(**values: Any) -> None:
        async with database.writing() as connection:
            await connection.execute(sa.update(Defect).values(owner="田中", **values))

    await plan(due_on=date(2026, 6, 12))
    subjects: dict[int, str] = {}
    for day in range(20):
        if day == 14:
            await plan(due_on=date(2026, 6, 18))  # moved
        if day == 18:
            await plan(state=DefectState.REPAIRED)
        at = MONDAY + day * 24 * HOUR + 9 * HOUR
        await collect(database, at, at - 24 * HOUR)
        if await send_at(database, settings_for(box), at):
            subjects[day] = box.mails[-1]["Subject"]
    near = "[jisweep] 修正の期限：過ぎたもの 0 件、7日以内のもの 1 件"
    assert subjects == {
        4: near,
        12: near.replace("たもの 0", "たもの 1").replace(
            "もの 1 件、7日以内のもの 1", "もの 1 件、7日以内のもの 0"
        ),
        14: near,
    }
    assert "（s0.example.lg.jp、期限 2026年6月18日、担当 田中）" in box.mails[-1].get_content()
    await plan(state=DefectState.PLANNED, due_on=at.date())  # looked for once an hour
    assert await collect(database, at + HOUR / 2, at) == 0
    assert await collect(database, at + HOUR, at + HOUR / 2) == 1


async def test_a_notice_that_is_not_taken_is_tried_again_and_given_up_visibly(
    town: Town, box: Mailbox, hooks: Hooks, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for recipient, channel in (("a@example.lg.jp", Channel.EMAIL), ("team", Channel.HOOK), ("gone", Channel.HOOK)):
        await town.subscribe(channel, recipient, Telling.FINISHED)
    await town.sweep(0, MONDAY)
    assert await collect(database, MONDAY) == 3
    assert await collect(database, MONDAY) == 0
    settings = settings_for(box, hooks)
    box.answer, hooks.status = "451 later", 500
    moment, tried = MONDAY, []
    for step in (timedelta(), *AGAIN):
        moment += step
        if step:
            assert await send_at(database, settings, moment - timedelta(seconds=1)) == 0
        before = len(hooks.posted)
        assert await send_at(database, settings, moment) == 0
        tried.append(len(hooks.posted) - before)
    assert tried == [1] * 8
    hooks.status, box.answer = 200, "250 taken"
    assert await send_at(database, settings, moment + 24 * HOUR) == 0
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(Notice).order_by(Notice.id))).all()
    assert [row.tries for row in rows] == [8, 8, 8]
    assert all(row.given_up_at == moment for row in rows)
    assert [row.error for row in rows] == ["refused (451)", "HTTP 500", "the settings have no such hook"]
    assert "himitsu" not in caplog.text + repr(settings) + repr(rows)
    assert caplog.text.count("is given up") == 3


async def test_a_server_that_is_away_holds_nobody_else_back(
    town: Town, hooks: Hooks, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.notices.sending.TRY", 0.4)
    for each in "abc":
        await town.subscribe(Channel.EMAIL, f"{each}@example.lg.jp", Telling.FINISHED)
    await town.subscribe(Channel.HOOK, "team", Telling.FINISHED)
    await town.sweep(0, MONDAY)
    await collect(database, MONDAY)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes calls, and says nothing
        box = Mailbox(port=silent.getsockname()[1])
        begun = asyncio.get_running_loop().time()
        assert await send_at(database, settings_for(box, hooks), MONDAY) == 1
        assert asyncio.get_running_loop().time() - begun < 1.2  # one try, not three
    assert len(hooks.posted) == 1
    async with database.reading() as connection:
        told = Notice.channel == Channel.EMAIL
        rows = (
            await connection.execute(sa.select(Notice.tries, Notice.error).where(told).order_by(Notice.id))
        ).all()
    assert rows == [(1, "no answer"), (0, None), (0, None)]


async def test_a_slow_way_does_not_hold_the_next_look(
    town: Town, hooks: Hooks, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.notices.sending.ROUND", 0.5)
    await town.subscribe(Channel.HOOK, "team", Telling.FINISHED)
    for number in range(3):
        await town.sweep(0, MONDAY + number * HOUR)
    at = MONDAY + 3 * HOUR
    await collect(database, at)
    hooks.slow = 0.6
    assert [await send_at(database, settings_for(None, hooks), at) for _ in range(4)] == [1, 1, 1, 0]
    assert len(hooks.posted) == 3


async def test_time_goes_on_while_notices_are_sent(town: Town, hooks: Hooks, database: Database) -> None:
    await town.subscribe(Channel.HOOK, "team", Telling.FINISHED)
    for number in range(3):
        await town.sweep(0, MONDAY + number * HOUR)
    evening = MONDAY + 20 * HOUR
    await collect(database, evening - 3 * HOUR)
    moments = iter([evening - 2 * HOUR, evening - HOUR, evening - HOUR / 2])  # read, claim, say that it arrived

    def clock() -> datetime:
        return next(moments, evening)

    hooks.status = 500
    assert await send_due(database, settings_for(None, hooks, quiet=Windows.parse("20:00-08:00")), clock) == 0
    assert len(hooks.posted) == 1  # the quiet hours have begun since
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(Notice.tries, Notice.due).order_by(Notice.id))).all()
    assert rows[0] == (1, evening - HOUR + AGAIN[0])
    assert [tries for tries, _ in rows[1:]] == [0, 0]


async def test_what_a_schedule_could_not_begin_is_told(town: Town, box: Mailbox, database: Database) -> None:
    await town.subscribe(Channel.EMAIL, "all@example.lg.jp", Telling.FAILED)
    await town.subscribe(Channel.EMAIL, "ours@example.lg.jp", Telling.FAILED, place=Place(organisation=town.ours))
    row: dict[str, Any] = {
        "name": "毎晩", "site_id": town.sites[0], "cron": "0 22 * * *", "zone": "Asia/Tokyo", "days": Days.EVERY, "plan": {}, "window": "",
        "priority": 0, "counts_from": MONDAY, "created_by": "x", "created_at": MONDAY,
    }  # fmt: skip
    wrong = {"ja": "計画が読めません", "en": "no plan"}
    async with database.writing() as connection:
        number = await connection.scalar(sa.insert(Schedule).values(row).returning(Schedule.id))
        for site, due in ((town.sites[0], MONDAY), (None, MONDAY + HOUR)):  # the other organisation has no site
            run = {
                "schedule_id": number,
                "site_id": site,
                "due_at": due,
                "missed": 0,
                "came": Came.FAILED,
                "came_at": due,
            }
            await connection.execute(sa.insert(ScheduledRun).values(**run, wrong=wrong))
    for _ in range(2):
        await collect(database, MONDAY + HOUR)
    await send_at(database, settings_for(box), MONDAY + HOUR)
    assert sorted(mail["To"] for mail in box.mails) == ["all@example.lg.jp"] * 2 + ["ours@example.lg.jp"]
    first = next(mail for mail in box.mails if mail["To"] == "ours@example.lg.jp")
    assert first["Subject"] == "[jisweep] 定期調査を始められませんでした：毎晩"
    text = first.get_content()
    assert "計画が読めません" in text
    assert f"{PUBLIC}/schedules/{number}" in text
    assert "2026年6月1日（月曜）00:00（Asia/Tokyo）" in text
    await town.subscribe(
        Channel.EMAIL, "theirs@example.lg.jp", Telling.DIGEST, place=Place(organisation=town.theirs)
    )
    await town.subscribe(Channel.EMAIL, "ours@example.lg.jp", Telling.DIGEST, place=Place(organisation=town.ours))
    at = MONDAY + 7 * 24 * HOUR
    await collect(database, at, at)
    await send_at(database, settings_for(box), at)
    weeks = {mail["To"]: mail.get_content() for mail in box.mails[3:]}
    assert "始められなかったもの 1 件" in weeks["ours@example.lg.jp"]
    assert "始められなかった" not in weeks["theirs@example.lg.jp"]


async def test_a_refusal_for_good_is_given_up_at_once_and_nobody_else_waits_for_it(
    town: Town, box: Mailbox, database: Database
) -> None:
    await town.subscribe(Channel.EMAIL, "a@example.lg.jp", Telling.FINISHED)
    await town.sweep(0, MONDAY)
    await collect(database, MONDAY)
    box.answer = "550 no such user"
    await send_at(database, settings_for(box), MONDAY)
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(Notice))).one()
    assert (row.tries, row.given_up_at, row.error) == (1, MONDAY, "refused (550)")


async def test_two_processes_send_one_mail(town: Town, box: Mailbox, database: Database) -> None:
    await town.subscribe(Channel.EMAIL, "a@example.lg.jp", Telling.FINISHED)
    await town.subscribe(Channel.EMAIL, "a@example.lg.jp", Telling.FINISHED, place=Place(organisation=town.ours))
    await town.sweep(0, MONDAY)
    await asyncio.gather(*(collect(database, MONDAY) for _ in range(3)))
    settings = settings_for(box)
    assert sum(await asyncio.gather(*(send_at(database, settings, MONDAY) for _ in range(3)))) == 1
    assert len(box.mails) == 1


async def test_people_are_told_of_what_they_may_read_and_want_to_know(
    town: Town, box: Mailbox, database: Database
) -> None:
    team = await town.account("team", Role.WEB_TEAM, town.theirs)
    left = await town.account("left", Role.MANAGER)
    nobody = await town.account("nobody", Role.MANAGER)
    for account in (team, left, nobody):
        await town.told(account, Telling.FINISHED)
    [ended] = await town.subscribe(Channel.EMAIL, "ended@example.lg.jp", Telling.FINISHED)
    async with database.writing() as connection:
        changed = sa.update(Account).where(Account.id == nobody).values(email=None)
        await connection.execute(changed)
    await town.sweep(0, MONDAY - 20 * HOUR)  # before anybody asked
    await town.sweep(0, MONDAY)
    await town.sweep(2, MONDAY)
    assert await collect(database, MONDAY) == 1 + 2 + 2
    async with database.writing() as connection:
        await end(connection, [ended], MONDAY)
        await connection.execute(sa.update(Account).where(Account.id == left).values(closed_at=MONDAY))
    await send_at(database, settings_for(box), MONDAY)
    assert [mail["To"] for mail in box.mails] == ["team@example.lg.jp"]
    assert "t0.example.lg.jp" in box.mails[0]["Subject"]
    async with database.writing() as connection:
        with pytest.raises(UsageError):
            await end(connection, [ended], MONDAY)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_hook_can_tell_who_sent_what_and_nothing_in_it_is_taken_for_a_command(
    town: Town, hooks: Hooks, database: Database
) -> None:
    await town.subscribe(Channel.HOOK, "intake", Telling.DIGEST, place=Place(organisation=town.ours))
    await town.subscribe(Channel.HOOK, "team", Telling.DIGEST, place=Place(organisation=town.ours))
    await town.sweep(0, MONDAY)
    await collect(database, MONDAY + 8 * HOUR)
    assert await send_at(database, settings_for(None, hooks), MONDAY + 8 * HOUR) == 2
    slack, signed = sorted(hooks.posted, key=lambda each: each.path)
    moment = signed.headers["X-Jisweep-Moment"]
    right = hmac.new("鍵".encode(), moment.encode() + b"." + signed.body, hashlib.sha256).hexdigest()
    assert signed.headers["X-Jisweep-Signature"] == f"sha256={right}"
    assert signed.told["kind"] == "digest"
    assert signed.told["link"] == f"{PUBLIC}/organisations/{town.ours}"
    assert "\n" not in signed.told["subject"]
    assert "<!channel>" not in slack.told["text"]
    assert "&lt;!channel&gt;" in slack.told["text"]
    assert slack.path == "/T0/B0/himitsu"


async def test_a_hook_on_a_private_address_is_not_asked_unless_it_may_be(hooks: Hooks) -> None:
    hook = Hook(name="intake", form=Form.SLACK, address=f"{hooks.url}/himitsu")
    settings = NoticeSettings(public=PUBLIC, hooks={"intake": hook})
    message = writing.trial(Language("ja"))
    with pytest.raises(Undelivered, match="private") as found:
        await deliver(settings, Channel.HOOK, "intake", message, kind=None, name="test", at=MONDAY)
    assert "himitsu" not in str(found.value)
    assert hooks.posted == []


async def test_no_line_break_gets_into_a_header(box: Mailbox) -> None:
    message = Message.of(Language("ja"), "件名\r\nBcc: x@evil.example", ["行\r\n.\r\nMAIL FROM:<x>"], "/", {})
    await deliver(settings_for(box), Channel.EMAIL, "a@example.lg.jp", message, kind=None, name="test", at=MONDAY)
    [mail] = box.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[jisweep] 件名 Bcc: x@evil.example"
    assert mail["From"] == "調査係 <a11y@example.lg.jp>"
    for wrong in ("a@b\r\nBcc: c@d", "a@b, c@d", "<a@b>", "山田@例え.jp", "a", "a @b", "x@y\x00"):
        with pytest.raises(UsageError):
            check_email(wrong)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # a handshake that fails leaves its socket
async def test_mail_goes_by_tls_to_a_server_that_is_known_and_with_a_password_from_a_file(tmp_path: Path) -> None:
    certificates, authority = Certificates.of(tmp_path), tmp_path / "authority.pem"
    authority.write_bytes(certificates.own.public_bytes(serialization.Encoding.PEM))
    async with mail_server(certificates.server("localhost")) as box:
        text = f'[smtp]\nhost = "localhost"\nport = {box.port}\nuser = "jisweep"\npassword_file = "password.txt"\nfrom = "a@b.jp"\n'
        known = write_settings(tmp_path, f'{text}ca_file = "{authority.name}"', password="himitsu\n")
        message = writing.trial(Language("ja"))

        async def send(path: Path) -> None:
            settings = read_notices(path, PUBLIC)
            assert "himitsu" not in repr(settings)
            await deliver(settings, Channel.EMAIL, "c@d.jp", message, kind=None, name="test", at=MONDAY)

        await send(known)
        assert box.signed_in == ["jisweep:himitsu"]
        assert len(box.mails) == 1
        with pytest.raises(Undelivered):
            await send(write_settings(tmp_path, text))  # whose certificate nobody vouches for
        known = write_settings(tmp_path, f'{text}ca_file = "{authority.name}"', password="wrong")
        with pytest.raises(Undelivered, match="SMTPAuthenticationError 535") as found:
            await send(known)
        assert "wrong" not in str(found.value)
        assert len(box.mails) == 1


@pytest.mark.parametrize("text", [
    "x = 1", "[smtp]\nhost = 'a'", "[smtp]\nhost = 'a'\nfrom = 'nobody'", "[smtp]\nhost = 'a'\nfrom = 'a@b'\nsecurity = 'none'",
    "[smtp]\nhost = 'a'\nfrom = 'a@b'\nuser = 'u'", "[smtp]\nhost = 'a'\nfrom = 'a@b'\nport = 0", "[smtp]\npassword = 'x'",
    "[hook.a]\naddress = 'http://x.jp/'\nform = 'slack'", "[hook.a]\naddress = 'https://x.jp/'", "[hook.a]\nform = 'fax'",
    "[hook.a]\naddress = 'https://u:p@x.jp/'\nform = 'slack'", "hook = 1", "[hook]\na = 1", "[quiet]\nhours = '25:00-26:00'",
    "[quiet]\nurgent = 'yes'", "[hook.a]\nform = 'slack'\naddress_file = 'open.txt'", "[smtp",
])  # fmt: skip
def test_settings_that_cannot_work_are_refused_with_their_file(tmp_path: Path, text: str) -> None:
    path = write_settings(tmp_path, text, open="https://x.jp/")
    os.chmod(tmp_path / "open.txt", 0o644)  # which others may read
    with pytest.raises(UsageError) as found:
        read_notices(path, PUBLIC)
    assert "notices.toml" in found.value.en or "open.txt" in found.value.en


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_loop_tells_by_itself_and_outlives_what_goes_wrong(
    town: Town, box: Mailbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.notices.sending.LOOK", 0.05)
    await town.subscribe(Channel.EMAIL, "a@example.lg.jp", Telling.FINISHED)
    at = datetime.now(UTC)
    async with database.writing() as connection:
        await connection.execute(sa.text("ALTER TABLE notice RENAME TO elsewhere"))
    async with sending(database, settings_for(box)):
        await asyncio.sleep(0.2)
        async with database.writing() as connection:
            await connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO notice"))
        await town.sweep(0, at)
        await until(lambda: bool(box.mails))
    assert len(box.mails) == 1


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that takes its time."""
    for _ in range(400):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come")
