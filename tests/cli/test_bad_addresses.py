"""Addresses that give no page to start from: exit 4 with what to do, 2 when the address cannot be one."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused
from tests.cli.servers import CLEAN, NOT_FOUND, Answer, always, answers, page, plain, redirect, serving
from tests.crawler.servers import Certificates
from tests.site import SampleSite

UNAVAILABLE = Answer(status=503, body=b"<p>busy")


@pytest.mark.parametrize("address", ["ftp://example.jp/", "http://", "", "http://exa mple.jp/", "環境局"])
def test_what_is_no_address_is_refused(program: Program, address: str) -> None:
    japanese, english = refused(program, 2, "sweep", address)
    assert "https://" in japanese
    assert "https://" in english


def test_an_address_that_is_too_long_to_be_kept_is_refused(program: Program) -> None:
    japanese, english = refused(program, 2, "sweep", "https://nai.invalid/" + "a" * 2500)
    assert "2500 文字を超える" in japanese
    assert "more than 2500 characters" in english
    assert max(len(japanese), len(english)) < 250


@pytest.mark.parametrize("command", ["sweep", "explore", "page"])
def test_a_host_that_does_not_resolve(program: Program, command: str) -> None:
    _, english = refused(program, 4, command, "https://nai.invalid/")
    assert "its host name does not resolve" in english


def test_a_host_that_does_not_resolve_without_the_gate(program: Program) -> None:
    assert "does not resolve" in one_refusal(program, 4, "sweep", "https://nai.invalid/", "--allow-private")


def test_nothing_listens(program: Program) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        _, english = refused(program, 4, "sweep", address, "--allow-private")
    assert "cannot be connected to" in english


def test_a_certificate_that_nobody_vouches_for(program: Program, tmp_path: Path) -> None:
    with serving(answers(CLEAN), Certificates.of(tmp_path).server()) as site:
        _, english = refused(program, 4, "sweep", site.url, "--allow-private")
    assert "its certificate cannot be verified" in english


def test_a_certificate_that_has_expired(program: Program, tmp_path: Path) -> None:
    with serving(answers(CLEAN), Certificates.of(tmp_path).server(days=-1)) as site:
        assert "certificate" in one_refusal(program, 4, "page", site.url, "--allow-private")


@pytest.mark.parametrize("robots", [403, 404])
def test_a_site_that_refuses_throughout(program: Program, robots: int) -> None:
    with serving(always(Answer(status=403, body=b"<p>no"), robots=Answer(status=robots))) as site:
        _, english = refused(program, 4, "sweep", site.url, "--allow-private")
    assert "refuses access" in english
    assert "HTTP 403" in english


@pytest.mark.parametrize("retry_after", [None, "50", "3600"])
@pytest.mark.parametrize("robots", [NOT_FOUND, None], ids=["robots 404", "robots too"])
def test_a_site_that_fails_throughout_is_given_up_soon(
    program: Program, retry_after: str | None, robots: Answer | None
) -> None:
    headers = (("Retry-After", retry_after),) if retry_after else ()
    busy = Answer(status=503, body=b"<p>busy", headers=headers)
    with serving(always(busy, robots=robots or busy)) as site:
        _, english = refused(program, 4, "sweep", site.url, "--allow-private", seconds=30)
    assert "HTTP 503" in english
    assert "try later" in english


def test_a_robots_txt_that_cannot_be_read_forbids_everything(program: Program) -> None:
    with serving(always(CLEAN["/"], robots=UNAVAILABLE)) as site:
        _, english = refused(program, 4, "sweep", site.url, "--allow-private")
        assert set(site.asked) == {"/robots.txt"}
    assert "robots.txt cannot be read" in english


def test_a_robots_txt_that_forbids_the_start(program: Program) -> None:
    robots = Answer(body=b"User-agent: jisweep\nDisallow: /\n", type="text/plain")
    with serving(always(CLEAN["/"], robots=robots)) as site:
        _, english = refused(program, 4, "sweep", site.url, "--allow-private")
        assert set(site.asked) == {"/robots.txt"}
    assert "robots.txt disallows it" in english


def test_a_start_that_leads_to_another_host_names_that_host(program: Program) -> None:
    with serving(always(redirect("https://www.example.jp/kankyo/"))) as site:
        _, english = refused(program, 4, "sweep", site.url, "--allow-private")
    assert "another host, www.example.jp" in english
    assert "https://www.example.jp/kankyo/" in english


def test_a_start_that_leads_on_within_the_host_is_followed(program: Program) -> None:
    pages = {"/": redirect("/kankyo/"), "/kankyo/": plain("環境の部屋", "<p>はじまりです。</p>")}
    with serving(answers(pages)) as site:
        ended = program.run("explore", site.url, "--allow-private", "--json")
    assert ended.code == 0, ended.err
    assert [urlsplit(each["address"]).path for each in ended.object["addresses"]] == ["/kankyo/"]


@pytest.mark.parametrize("leads", [{"/": "/a", "/a": "/"}, {"/": "/"}], ids=["two", "itself"])
def test_redirects_that_go_round(program: Program, leads: dict[str, str]) -> None:
    with serving(answers({path: redirect(to) for path, to in leads.items()})) as site:
        assert "redirects never end" in one_refusal(program, 4, "sweep", site.url, "--allow-private")


def test_redirects_that_never_end(program: Program) -> None:
    with serving(lambda path: NOT_FOUND if path == "/robots.txt" else redirect(f"{path}x")) as site:
        assert "redirects never end" in one_refusal(program, 4, "sweep", site.url, "--allow-private")
        assert len(site.asked) < 20


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("hostile/big.html", "--max-bytes"),
        ("hostile/empty.html", "its answer is empty"),
        ("files/kessan2025.pdf", "it is no HTML page"),
        ("jigyosha/hojo2019.html", "HTTP 410"),
        ("nai.html", "HTTP 404"),
        ("internal/shokuin.html", "robots.txt disallows it"),
        ("shiryo/tokei.cgi", "its server fails"),
    ],
)
def test_a_start_that_is_no_page(program: Program, sample_site: SampleSite, path: str, told: str) -> None:
    _, english = refused(program, 4, "sweep", sample_site.url + path, "--allow-private")
    assert told in english


@pytest.mark.parametrize("path", ["hostile/drip", "hostile/slow.html?ms=60000"])
def test_a_start_that_does_not_come_in_time(program: Program, sample_site: SampleSite, path: str) -> None:
    words = ("sweep", sample_site.url + path, "--allow-private", "--timeout", "1")
    assert "raise --timeout" in one_refusal(program, 4, *words, seconds=30)


def test_a_start_that_only_the_browser_cannot_show(program: Program) -> None:
    """`page` has no inventory to note it in: it says why the one page was lost."""
    pages = {"/": page("移動", "<script>location = '/b'</script>"), "/b": plain("別のページ", "")}
    with serving(answers(pages)) as site:
        one_refusal(program, 4, "page", site.url, "--allow-private")


SPELLINGS = [
    *("127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "①②⑦.0.0.1", "169.254.169.254", "10.0.0.1", "172.16.0.1"),
    *("100.64.0.1", "[fc00::1]", "[fe80::1]", "[64:ff9b::7f00:1]"),
]
NAMES = {"LOCALHOST.", "localhost.localdomain", "ip6-localhost"}  # known on some machines, and then loopback
SPELLINGS += sorted(NAMES)


@pytest.mark.parametrize("host", SPELLINGS)
def test_private_addresses_are_refused_in_every_spelling(
    program: Program, sample_site: SampleSite, host: str
) -> None:
    address = f"http://{host}:{urlsplit(sample_site.url).port}/"  # on loopback, something does listen
    english = one_refusal(program, 4, "sweep", address)
    assert sample_site.requests == []
    assert "--allow-private" in english or (host in NAMES and "does not resolve" in english)


@pytest.mark.parametrize("command", ["explore", "page", "doctor"])
def test_private_addresses_are_refused_by_every_command(
    program: Program, sample_site: SampleSite, command: str
) -> None:
    ended = program.run(command, sample_site.url, JISWEEP_LANG="en")
    assert sample_site.requests == []
    assert ended.code == 4
    assert "--allow-private" in ended.out + ended.err
