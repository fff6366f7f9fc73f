"""Walls that stand where a page should be are known by their signs; ordinary pages are not taken for walls."""

import pytest

from crawler.blocking import wall_in_body, wall_in_headers, wall_in_source

PROSE = "<p>" + "届出の手続きについてお知らせします。" * 80 + "</p>"
NAVIGATION = "".join(f'<a href="/{each}.html">案内{each}</a>' for each in range(12))


def page(body: str, title: str = "", head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><meta charset=utf-8><title>{title}</title>{head}</head><body>{body}</body></html>"


CLOUDFLARE = page(
    "<h1>example.lg.jp</h1><p>Verifying you are human.</p><script>window._cf_chl_opt={cvId:'3'}</script>",
    "Just a moment...",
)
AKAMAI = page(
    '<h1>Access Denied</h1>You don\'t have permission to access "http&#58;//www.example.lg.jp/" on this server.'
    "<p>Reference&#32;&#35;18.2d351ab8.1557333295.a4e16ab</p>",
    "Access Denied",
)
INCAPSULA = page(
    '<iframe id="main-iframe" src="/_Incapsula_Resource?CWUDNSAI=9">Request unsuccessful. '
    "Incapsula incident ID: 1234-5678</iframe>"
)
DATADOME = page("<p>Please enable JS</p><script>var dd={'rt':'c','host':'geo.captcha-delivery.com'}</script>")
F5 = page(
    "The requested URL was rejected. Please consult with your administrator.<br>Your support ID is: 123",
    "Request Rejected",
)
SITEGUARD = page("<h1>Forbidden</h1><p>The server refuse to browse the page.</p>", "403 Forbidden")
RECAPTCHA = page(
    '<form><input type="hidden" name="to"><div class="g-recaptcha" data-sitekey="x"></div>'
    '<textarea name="g-recaptcha-response"></textarea><button>送信</button></form>',
    "認証",
    '<script src="https://www.google.com/recaptcha/api.js"></script>',
)
HCAPTCHA = page(
    '<p>One more step</p><div class="h-captcha"></div><script src="https://hcaptcha.com/1/api.js"></script>'
)
CROWDED = page("<p>しばらくしてから再度アクセスしてください。</p>", "ただいまアクセスが集中しております")

CONTACT = page(
    '<h1>お問い合わせ</h1><form method="post"><label>氏名 <input name="name"></label>'
    '<label>内容 <textarea name="text"></textarea></label><div class="g-recaptcha"></div><button>送信</button></form>',
    "お問い合わせ",
    '<script src="https://www.google.com/recaptcha/api.js"></script>',
)
HIDDEN_BADGE = page(
    NAVIGATION + PROSE, "案内", '<script src="https://www.google.com/recaptcha/api.js?render=x"></script>'
)
BEHIND_CLOUDFLARE = page(
    NAVIGATION, "案内", "<script>window.__CF$cv$params={r:'1'};a.src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'</script>"
)  # fmt: skip
BEHIND_INCAPSULA = page("<p>短いページ</p>", "案内", '<script src="/_Incapsula_Resource?SWJIYLWA=719d"></script>')
ABOUT_WALLS = page(
    f"<h1>Access Denied</h1><p>Reference #18.2 と出たとき</p>{NAVIGATION}{PROSE}", "Access Denied の対処"
)
ABOUT_CROWDS = page(
    f"<h1>アクセスが集中しているときは</h1><p>開催前後はアクセスが集中します。</p>{NAVIGATION}",
    "アクセスが集中しています",
)


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        (CLOUDFLARE, "Cloudflare"), (AKAMAI, "Akamai"), (INCAPSULA, "Incapsula"), (DATADOME, "DataDome"), (F5, "F5"),
        (SITEGUARD, "SiteGuard"), (RECAPTCHA, "CAPTCHA"), (HCAPTCHA, "CAPTCHA"), (CROWDED, "congestion"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 202, 403, 503])
def test_a_wall_is_known_whatever_its_status(source: str, seen: str, status: int) -> None:
    assert seen in str(wall_in_source(status, source))


@pytest.mark.parametrize(
    "source",
    [
        CONTACT,
        HIDDEN_BADGE,
        BEHIND_CLOUDFLARE,
        BEHIND_INCAPSULA,
        ABOUT_WALLS,
        ABOUT_CROWDS,
        page(PROSE, "案内"),
        "",
    ],
)
def test_an_ordinary_page_is_no_wall(source: str) -> None:
    assert wall_in_source(200, source) is None


def test_an_ordinary_failure_is_no_wall() -> None:
    assert wall_in_source(503, page("<p>ただいまメンテナンス中です。</p>", "メンテナンス")) is None
    assert wall_in_source(404, page(NAVIGATION, "ページが見つかりません")) is None


@pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp", "utf-8"])
def test_congestion_is_read_in_the_encodings_of_old_pages(encoding: str) -> None:
    body = CROWDED.replace("<meta charset=utf-8>", "").encode(encoding)
    assert "congestion" in str(wall_in_body(503, body, f"text/html; charset={encoding}"))


def test_a_challenge_is_known_by_its_headers() -> None:
    assert "Cloudflare" in str(wall_in_headers({"cf-mitigated": "challenge"}))
    assert "AWS" in str(wall_in_headers({"x-amzn-waf-action": "captcha"}))
    assert wall_in_headers({"server": "cloudflare", "cf-ray": "1"}) is None
