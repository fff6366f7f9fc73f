"""The survey's conditions in the source: it is read as browsers cut it into tags, whatever it is, and in linear time."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.mic import conditions
from audits.mic.source import MOST, SourceFault, faults


def test_a_fault_of_the_source_is_told_with_line_and_column() -> None:
    text = '<!DOCTYPE html>\r\n<title>案内</title>\r\n<p id="a">一</p>\r\n  <p class=b id=a>二</p>'
    assert faults(text) == [SourceFault(item="C_423.0", line=4, column=3, snippet="<p class=b id=a>")]
    assert faults(text.replace("\r\n", "\r"))[0].line == 4
    assert faults("") == [SourceFault(item="C_1000.4", line=1, column=1, snippet="")]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("<p id=a><p id='a'>", ["C_423.0"]),
        ('<p id="a&amp;b"><p id="a&#38;b">', ["C_423.0"]),
        ("<p id=a><P ID=a>", ["C_423.0"]),
        ("<p id=a title='>' id=b><p id=b>", []),
        ("<p data-id=a id=b><p id=a>", []),
        ("<p id=a></p><p id=a", []),
        ("<svg><title><p id=a></title></svg><p id=a>", ["C_423.0"]),
        ("<svg><![CDATA[<p id=a>]]><path id=b /></svg><p id=a><p id=b>", ["C_423.0"]),
        ("<p id=a><![CDATA[<p id=b><p id=a>]]>", ["C_423.0"]),
        ("<p id=a><textarea><p id=a></textarea><xmp><p id=a></xmp><iframe><p id=a></iframe>", []),
        ("<script>'</scripts><p id=a>'</SCRIPT ><p id=a>", []),
        ("<p id=a><!--><p id=a>-->", ["C_423.0"]),
        ("<p id=a><!-- --!><p id=a>", ["C_423.0"]),
        ("<p id=a><!-- <p id=a>", []),
        ("<p id=a><? <p id=b> ?><p id=a>", ["C_423.0"]),
        ("<p id=a></ <p id=a></p >", []),
        ("1 < 2<p id=a>", []),
        ("<template><template><p id=a></template><p id=a></template><p id=a>", []),
        ("<template><body><html><picture></picture></template><p>", []),
        ("<p accesskey='a b'><p accesskey=B>", ["C_422.0"]),
        ("<p accesskey='a a'>", []),
        ("<picture><picture><img></picture></picture>", ["C_600.21"]),
        ("<p><picture><img></p><img>", []),
        ("<picture><noscript><img></noscript><img></picture>", []),
        ("<html><head></head><frameset><frame></frameset></html>", []),
        ("<html><head><meta charset=utf-8><link rel=a><style>p{}</style><body>", []),
        ("<html><head></head><!-- x --><script></script>\n<body></body></html>\n", []),
        ("<html></html><body>", ["C_1000.3"]),
        ("\ufeff<?xml version='1.0'?><!DOCTYPE html><html><head/><body/></html>", []),
        ("<body><body><body>", ["C_1000.0", "C_1000.0"]),
        ("<html><title>a</title>", ["C_1000.4"]),
    ],
)
def test_the_source_is_read_as_browsers_do(text: str, items: list[str]) -> None:
    assert [fault.item for fault in faults(text)] == items


TAGS = st.sampled_from(
    [
        "html",
        "head",
        "body",
        "div",
        "p",
        "picture",
        "img",
        "template",
        "svg",
        "title",
        "script",
        "style",
        "table",
        "noscript",
        "frameset",
        "a",
        "br",
    ]
)
ATTRIBUTES = st.sampled_from(["", " id=a", ' id="b"', " accesskey='s'", " id", " a=>", ' x="', "/", " ="])
SOUP = st.lists(
    st.one_of(
        st.builds("<{}{}{}>".format, st.sampled_from(["", "/"]), TAGS, ATTRIBUTES),
        st.sampled_from(
            ["<!--", "-->", "--!>", "<![CDATA[", "]]>", "<!", "<?", "<", ">", "</", "&", "\0", "\r", "\n"]
        ),
        st.text(max_size=5),
    ),
    max_size=60,
).map("".join)


@given(SOUP)
@settings(max_examples=300, deadline=None)
def test_any_source_can_be_judged(text: str) -> None:
    lines = text.count("\n" if "\n" in text else "\r") + 1
    for fault in faults(text):
        assert conditions()[fault.item].source == "source"
        assert 1 <= fault.line <= lines
        assert fault.column >= 1
        assert fault.snippet in text


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<!--",
        "<!-- -->",
        "<div>",
        "</p><p>",
        '<a x="',
        "<a id=x>",
        "<script>",
        "<",
        "<picture>",
        "<svg><![CDATA[",
        "\n",
        "<a b",
        "&",
    ],
)
def test_long_sources_take_time_by_their_length(piece: str) -> None:
    """A megabyte in seconds, where quadratic time would take hours."""
    begun = time.process_time()
    found = faults(piece * (1_000_000 // len(piece)))
    assert time.process_time() - begun < 10
    assert len(found) <= 2 * MOST
