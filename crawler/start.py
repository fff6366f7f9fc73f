"""Finding the start: from the address that a person typed to the page that a sweep begins with."""

from urllib.parse import urlsplit

from crawler.address import LONGEST, host_of, origin_of
from crawler.answers import refusal_of
from crawler.exploration import follow
from crawler.fetch import Answer, Fetcher
from crawler.robots import Robots
from crawler.signed_out import SAID
from db.errors import SiteUnreachable
from db.words import Reason

REDIRECTS = 10

WHY = {
    Reason.DNS: ("ホスト名が見つかりません。綴りと DNS を確かめてください",
                 "its host name does not resolve; check the spelling and your DNS"),
    Reason.CERTIFICATE: ("証明書を確かめられません。期限や名前をサイトの管理者に知らせてください",
                         "its certificate cannot be verified; tell the site's operator"),
    Reason.CONNECTION: ("接続できません。サイトが動いているか、ポートが正しいかを確かめてください",
                        "it cannot be connected to; check that the site runs and the port is right"),
    Reason.TIMED_OUT: ("時間内に応答がありません。--timeout を延ばすか、後で試してください",
                       "it did not answer in time; raise --timeout or try later"),
    Reason.TOO_LARGE: ("最初のページが大きすぎます。--max-bytes で上限を変えられます",
                       "its first page is too large; --max-bytes raises the limit"),
    Reason.PRIVATE_ADDRESS: ("内部ネットワークのアドレスです。自分のサーバーなら --allow-private を付けてください",
                             "it is on a private network; add --allow-private if the server is yours"),
    Reason.BLOCKED: ("アクセスを拒否しています。サイトの管理者に許可を求めてください",
                     "it refuses access; ask the site's operator to let us in"),
    Reason.SERVER_ERROR: ("サーバーがエラーを返しています。後で試してください", "its server fails; try later"),
    Reason.NOT_FOUND: ("ページがありません。アドレスを確かめてください", "the page does not exist; check the address"),
    Reason.CLIENT_ERROR: ("サーバーが要求を受け付けません", "its server does not accept the request"),
    Reason.NOT_HTML: ("HTML のページではありません。サイトの入口のページを指定してください",
                      "it is no HTML page; give the page where the site starts"),
    Reason.EMPTY: ("応答の中身が空です", "its answer is empty"),
    Reason.REDIRECT_LOOP: ("転送が終わりません", "its redirects never end"),
    Reason.REDIRECT: ("ページのスクリプトなどが別のページへ移します。移る先のアドレスを指定してください",
                      "it sends the browser on to another page; give that page's address"),
    Reason.REDIRECT_OUT: ("ページのスクリプトなどが別のサイトへ移します。移る先のアドレスを指定してください",
                          "it sends the browser on to another site; give that site's address"),
    Reason.ROBOTS: ("robots.txt がこの入口へのアクセスを禁じています。サイトの管理者に許可を求めてください",
                    "its robots.txt disallows it; ask the site's operator to let us in"),
    Reason.ROBOTS_UNREACHABLE: (
        "robots.txt を読めないため、どのページも取得できません（RFC 9309）。後で試してください",
        "its robots.txt cannot be read, so no page may be fetched (RFC 9309); try later",
    ),
}  # fmt: skip
SIGNED_OUT = (
    "サインインできていません。資格情報を確かめるか、jisweep sign-in で記録し直してください",
    "it does not take us for signed in; check the credentials, or record anew with jisweep sign-in",
)
OTHERWISE = ("ブラウザで開けません", "the browser cannot show it")


async def find_start(fetcher: Fetcher, address: str) -> str:
    """The address where the site starts, after redirects within the host (`www.` or not is the same host).

    Raises SiteUnreachable, with what to do, when there is no page to start from.
    """
    robots, robots_said = await _robots(fetcher, address)
    here, seen = address, {address}
    while True:
        if not robots.allows(here):
            raise unreachable(here, robots.reason, robots_said)
        answer = await fetcher.get(here)
        if answer.location is None:
            break
        if bare_host(answer.location) != bare_host(address):
            raise _other_host(address, answer.location)
        if len(answer.location) > LONGEST:
            raise SiteUnreachable(
                ja=f"{address} から始められません: {LONGEST} 文字を超えるアドレスに転送されます。",
                en=f"Cannot start from {address}: it redirects to an address of more than {LONGEST} characters.",
            )
        if answer.location in seen or len(seen) > REDIRECTS:
            raise unreachable(address, Reason.REDIRECT_LOOP)
        seen.add(answer.location)
        if origin_of(answer.location) != origin_of(here):
            robots, robots_said = await _robots(fetcher, answer.location)
        here = answer.location
    reason = refusal_of(answer)
    if reason is not None:
        raise unreachable(here, reason, _said(answer))
    return here


def unreachable(address: str, reason: Reason, said: str = "") -> SiteUnreachable:
    """The error for a start address that gives no page."""
    ja, en = WHY.get(reason, OTHERWISE)
    if (reason, said) == (Reason.BLOCKED, SAID):
        (ja, en), said = SIGNED_OUT, ""
    return SiteUnreachable(
        ja=f"{address} から始められません: {ja}{f'（{said}）' if said else ''}。",
        en=f"Cannot start from {address}: {en}{f' ({said})' if said else ''}.",
    )


async def _robots(fetcher: Fetcher, address: str) -> tuple[Robots, str]:
    """The robots.txt that speaks for an address, and what there is to say when it could not be read."""
    answer = await follow(fetcher, usual := f"{origin_of(address)}/robots.txt")
    if answer.address == usual and answer.failure in (
        Reason.DNS,
        Reason.CERTIFICATE,
        Reason.PRIVATE_ADDRESS,
        Reason.CONNECTION,
    ):
        raise unreachable(address, answer.failure, _said(answer))
    read = answer.failure is None and (answer.status or 0) < 500
    return Robots.from_answer(answer.status, answer.body, fetcher.manners.product), "" if read else _said(answer)


def _other_host(address: str, location: str) -> SiteUnreachable:
    host = host_of(location)
    return SiteUnreachable(
        ja=f"{address} は別のホスト {host} に転送されます。そのサイトを調べるなら {location} を指定してください。",
        en=f"{address} redirects to another host, {host}: to sweep that site, give {location}.",
    )


def bare_host(address: str) -> str:
    """The host without `www.`: what stays the same when a site sends us on to where it starts."""
    return (urlsplit(address).hostname or "").removeprefix("www.")


def _said(answer: Answer) -> str:
    """What the reason alone does not tell."""
    if answer.failure in (Reason.DNS, Reason.PRIVATE_ADDRESS):
        return ""
    if answer.failure is not None:
        return answer.detail
    return f"HTTP {answer.status}" if answer.status != 200 else answer.content_type or ""
