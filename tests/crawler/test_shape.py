"""Pages of one template have one shape."""

import random
import time

from selectolax.lexbor import LexborHTMLParser

from crawler.minhash import VALUES, Minhash, pack, unpack
from crawler.shape import cluster, shape

FRAME = """<body class=%s><header id=header><div class=logo><p>都</p></div>
<nav class=gnav><ul><li><a href=/>x</a><li><a href=/>y</a></ul></nav></header>
<ol class=breadcrumb><li>a</ol>%s
<footer id=footer><ul class=links><li>a</ul><address>東京都</address></footer>"""
ARTICLE = """<main id=main><article><h1>%s</h1><div class=body>%s</div></article>
<aside class=related><ul><li>a</ul></aside></main>"""
LIST = """<main id=main><h1>x</h1><div class=tabs><ul><li>a</ul></div><dl class=news>%s</dl>
<div class=pager><ol><li>1</ol></div></main>"""
TOP = """<main id=main><div class=visual><figure><img></figure><ul class=slide><li>a</ul></div>
<section class=life><h2>x</h2><ul><li><img></ul></section>
<section class=mayor><h2>x</h2><div><p>x</p></div></section>
<section class=sns><h2>x</h2><iframe></iframe></section></main>"""


def of(html: str) -> Minhash:
    return shape(LexborHTMLParser(html))


def article(number: int) -> Minhash:
    parts = [
        "<p>text",
        "<h2>part</h2>",
        "<ul><li>a<li>b</ul>",
        "<table><tr><th>a<td>b</table>",
        "<p><strong>x</strong>",
    ]
    body = "".join(random.Random(number).choices(parts, k=12))
    return of(FRAME % (f"page{number}", ARTICLE % (f"title {number}", body)))


def listing(number: int) -> Minhash:
    return of(FRAME % ("news", LIST % ("<dt>day<dd><a href=x>y</a>" * number)))


def test_a_shape_is_32_numbers_of_32_bits() -> None:
    assert len(article(1)) == VALUES == 32
    assert all(0 <= value < 2**32 for value in article(1))


def test_a_shape_is_the_same_in_every_process() -> None:
    assert of("<p>x")[:3] == (681026096, 1423729479, 1528720896)


def test_a_shape_packs_into_128_bytes() -> None:
    assert len(pack(article(1))) == 128
    assert unpack(pack(article(1))) == article(1)


def test_words_numbers_states_and_order_leave_the_shape_alone() -> None:
    one = of("<div class='box w100 is-open'><p>a</p><ul class=css-1a2b3c><li>b</ul></div>")
    other = of("<div class='w250 box'><ul><li class=current>c<li>d</ul><p>e</p><p>f <b>g</b></p></div>")
    assert one == other


def test_pages_of_one_template_are_alike_and_others_are_not() -> None:
    articles = [article(number) for number in range(20)]
    top = of(FRAME % ("top", TOP))
    assert cluster([*articles, top]) == [0] * 20 + [1]
    assert cluster([top, *articles]) == [0] + [1] * 20
    assert listing(3) == listing(30)


def test_a_part_that_each_page_names_after_itself_makes_no_template_of_its_own() -> None:
    """As in PostgreSQL's manual: the one division that holds everything has the page's name for an id."""
    text = ARTICLE % ("title", "<p>text</p><ul><li>a</ul>")
    bodies = (
        f"<div class=sect1 id=sql-{name}>{text}</div>" for name in ("select", "insert", "create-table", "vacuum")
    )
    pages = [of(FRAME % ("manual", body)) for body in bodies]
    assert cluster(pages) == [0] * len(pages)


def test_ids_of_a_layout_without_classes_tell_templates_apart() -> None:
    one, other = (
        "<body>" + "".join(f"<div id={name}><p>x</p></div>" for name in names)
        for names in (("head", "guide", "news", "foot"), ("head", "map", "list", "pager", "foot"))
    )
    assert cluster([of(one), of(other)]) == [0, 1]


def test_templates_of_a_site_are_found() -> None:
    pages = [of(FRAME % ("top", TOP)), article(1), listing(2), article(3), listing(9), article(4), article(5)]
    assert cluster(pages) == [0, 1, 2, 1, 2, 1, 1]


def test_the_order_given_decides_the_numbers() -> None:
    assert cluster([listing(1), article(1), listing(2)]) == [0, 1, 0]
    assert cluster([]) == []


def test_pages_without_elements_are_one_cluster() -> None:
    assert cluster([of(""), of("only text"), of("<frameset></frameset>")]) == [0, 0, 0]


def test_a_hundred_thousand_pages_take_seconds() -> None:
    leaders = [tuple(random.Random(number).choices(range(2**32), k=VALUES)) for number in range(50)]
    began = time.monotonic()
    labels = cluster([leaders[number % 50] for number in range(100_000)])
    assert time.monotonic() - began < 10
    assert labels == [number % 50 for number in range(100_000)]
