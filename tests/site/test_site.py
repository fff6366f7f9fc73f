"""The sample site keeps its promises: what expected.json and faults.toml say is what it serves."""

import json
import re
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from . import SampleSite

FOLDER = Path(__file__).parent
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
FAULTS = tomllib.loads((FOLDER / "faults.toml").read_text())["fault"]
SESSION = re.compile(r";jsessionid=\w+|\?PHPSESSID=\w+")
BY_SCRIPT = {"/event/koza-mizu.html", "/event/koza-mori.html", "/event/koza-gomi.html"}
ONLY_IN_SITEMAP = {"/junban/"}
STATUS = {
    "redirect": {301},
    "redirect_out": {302},
    "redirect_loop": {302},
    "not_found": {404, 410},
    "server_error": {500, 503},
}


@pytest.fixture(scope="module")
def site() -> Iterator[SampleSite]:
    with SampleSite() as running:
        yield running


@pytest.fixture(scope="module")
def client(site: SampleSite) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=10) as opened:
        yield opened


def links(client: httpx.Client, path: str) -> set[str]:
    """The site's addresses that a page links to, without session ids; old pages in their own encoding."""
    answer = client.get(path)
    answer.encoding = "cp932" if path.startswith("/old/") else "utf-8"
    tree = LexborHTMLParser(answer.text)
    base = tree.css_first("base")
    start = urljoin(str(answer.url), (base.attributes["href"] or "") if base else "")
    found = set()
    for node in tree.css("a[href], area[href]"):
        whole = urljoin(start, (node.attributes["href"] or "").strip()).partition("#")[0]
        text = SESSION.sub("", whole)
        if text.startswith(str(client.base_url)):
            found.add("/" + text.removeprefix(str(client.base_url)))
    return found


def test_findings_are_the_faults_put_in() -> None:
    news = [path for path in EXPECTED["pages"] if re.fullmatch(r"/news/\d+/\d+\.html", path)]
    intended: Counter[tuple[str, str, str]] = Counter()
    for fault in FAULTS:
        for path in news if fault.get("template") == "news" else fault["pages"]:
            intended[path, fault["rule"], fault.get("outcome", "failed")] += fault.get("places", 1)
    found = Counter(
        (path, finding["rule"], finding["outcome"])
        for path, findings in EXPECTED["findings"].items()
        for finding in findings
    )
    assert found == intended


def test_expectations_name_no_port() -> None:
    assert "127.0.0.1" not in (FOLDER / "expected.json").read_text()


def test_every_page_answers_with_html(client: httpx.Client) -> None:
    for path in EXPECTED["pages"]:
        answer = client.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert answer.headers["content-type"].startswith("text/html")


def test_no_two_pages_are_the_same(client: httpx.Client) -> None:
    bodies = [client.get(path).content for path in EXPECTED["pages"]]
    assert len(set(bodies)) == len(bodies)


def test_what_is_not_audited_answers_with_its_reason(client: httpx.Client) -> None:
    for path, reason in EXPECTED["unaudited"].items():
        answer = client.get(path)
        assert answer.status_code in STATUS.get(reason, {200}), path
        if reason == "not_html":
            assert not answer.headers["content-type"].startswith("text/html")


def test_links_lead_to_every_page_but_the_hidden_ones(client: httpx.Client) -> None:
    listed = {path for path in EXPECTED["pages"] if not path.startswith("/old/kensaku.cgi")}
    seen, waiting = {"/"}, ["/"]
    while waiting:
        new = {path for path in links(client, waiting.pop()) if not path.startswith("/old/kensaku.cgi")} - seen
        seen |= new
        waiting += [path for path in new if path in listed]
    assert listed - seen == BY_SCRIPT | ONLY_IN_SITEMAP
    assert seen - listed == set(EXPECTED["unaudited"]) - {"/kikaku/kaigi2.html"}


def test_old_pages_are_shift_jis_and_the_header_is_silent(client: httpx.Client) -> None:
    answer = client.get("/old/nikki.html")
    assert answer.headers["content-type"] == "text/html"
    assert b"charset" not in answer.content.lower()
    assert "観察日記" in answer.content.decode("cp932")
    assert b"charset=Shift_JIS" in client.get("/old/").content


def test_old_search_understands_shift_jis_only(client: httpx.Client) -> None:
    assert client.get("/old/kensaku.cgi?q=%93s%8Es").status_code == 200
    assert client.get("/old/kensaku.cgi?q=%E9%83%BD%E5%B8%82").status_code == 404


def test_session_ids_are_new_each_time_and_mean_nothing(client: httpx.Client) -> None:
    first, second = client.get("/shinsei/").text, client.get("/shinsei/").text
    ids = [SESSION.findall(text) for text in (first, second)]
    assert ids[0] != ids[1]
    assert SESSION.sub("", first) == SESSION.sub("", second)
    plain = client.get("/kurashi/gomi/sodai.html").content
    assert client.get("/kurashi/gomi/sodai.html?PHPSESSID=abc").content == plain
    assert client.get("/kurashi/gomi/sodai.html;jsessionid=ABC").content == plain


def test_the_calendar_never_ends(client: httpx.Client) -> None:
    assert "/event/calendar?ym=2027-01" in links(client, "/event/calendar?ym=2026-12")
    assert "/event/calendar?ym=2025-12" in links(client, "/event/calendar?ym=2026-01")


def test_an_index_page_is_the_same_in_one_place_and_another_in_the_other(client: httpx.Client) -> None:
    assert client.get("/kurashi/gomi/").content == client.get("/kurashi/gomi/index.html").content
    assert client.get("/saiyo/").content != client.get("/saiyo/index.html").content


def test_an_unchanged_page_can_be_asked_for_by_its_tag(client: httpx.Client) -> None:
    tag = client.get("/about/").headers["etag"]
    assert client.get("/about/", headers={"If-None-Match": tag}).status_code == 304


def test_hostile_answers(client: httpx.Client) -> None:
    assert client.get("/hostile/empty.html").content == b""
    for path in ("/hostile/big.html", "/hostile/drip", "/api/camera.png"):
        with client.stream("GET", path) as answer:
            assert next(answer.iter_raw())


def test_requests_are_recorded() -> None:
    agent = {"User-Agent": "probe"}
    with SampleSite() as site, httpx.Client(base_url=site.url, headers=agent) as client:
        client.get("/about/?a=1")
        client.get("/kasen/")
        client.post("/contact/send", content=b"x")
    first, second, third = site.requests
    assert (first.method, first.path, first.user_agent) == ("GET", "/about/?a=1", "probe")
    assert (third.method, third.path) == ("POST", "/contact/send")
    assert first.connection == second.connection
    assert first.time < second.time < third.time
    assert site.highest_open == 1


def test_requests_open_together_are_counted() -> None:
    with SampleSite() as site, httpx.Client(base_url=site.url) as client:
        with client.stream("GET", "/hostile/drip"):
            client.get("/about/")
        assert [request.open for request in site.requests] == [1, 2]
        assert site.highest_open == 2


def test_a_command_gets_the_address_and_gives_its_exit_code() -> None:
    code = "import sys, urllib.request as u; u.urlopen(sys.argv[1] + 'about/'); sys.exit(7)"
    command = [sys.executable, "-m", "tests.site", "--", sys.executable, "-c", code, "{url}"]
    assert subprocess.run(command, cwd=FOLDER.parent.parent, check=False).returncode == 7


def test_serving_ends_with_ctrl_c() -> None:
    command = [sys.executable, "-m", "tests.site"]
    with subprocess.Popen(command, cwd=FOLDER.parent.parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(url).status_code == 200
        try:
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()  # one that does not hear it, as where the suite runs in the background, would be waited for
