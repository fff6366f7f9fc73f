"""Traffic files: address and count as log analysers and spreadsheets write them."""

from pathlib import Path

import pytest

from crawler.frame import FramePage
from crawler.representative import MOST_USED, representatives
from crawler.usage import known_usage, read_usage
from db.errors import UsageError

START = "https://www.example.lg.jp/"


def read(tmp_path: Path, text: str, encoding: str = "utf-8") -> list[tuple[str, int]]:
    path = tmp_path / "traffic.csv"
    path.write_bytes(text.encode(encoding))
    return read_usage(path, START)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("heading", ["", "ページ,閲覧数\n", "# 令和7年度\n\nURL,PV\n"])
def test_a_file_is_read_with_a_heading_or_without_in_either_encoding(
    tmp_path: Path, encoding: str, heading: str
) -> None:
    text = f'{heading}/kurashi/,120,くらし\nhttps://www.example.lg.jp/,"1,500",表\n/kurashi/?utm_source=x,30,\n'
    assert read(tmp_path, text, encoding) == [(START, 1500), (START + "kurashi/", 150)]


@pytest.mark.parametrize(
    ("text", "said"),
    [("/a,1\n/b,x\n", "line 2"), ("/a,1\n\n/b\n", "line 3"), ("", "no line"), ("URL,PV\n", "no line"),
     ("/a,1\n/b,-5\n", "line 2"), ("URL,PV\nb,2\n", "line 2")],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    assert said in refused.value.en
    assert "--traffic" in refused.value.ja


def test_addresses_count_for_the_pages_that_they_lead_to_and_the_unknown_are_told() -> None:
    frame = [START, START + "a/", START + "b.html"]
    usage = [
        [START + "nai.html", 9],
        [START + "old", 5],
        [START + "a/index.html", 4],
        [START + "b.html", 3],
        [START + "a/", 2],
    ]
    used, unknown = known_usage(usage, frame, {START + "old": START + "b.html"})
    assert used == [START + "b.html", START + "a/"]
    assert unknown == [START + "nai.html"]


def test_the_most_used_pages_represent_with_their_rank() -> None:
    frame = [FramePage(visit=n, address=f"{START}{n:02}.html", kinds=(), template=0) for n in range(20)]
    used = [page.address for page in frame[10:18]]
    told = {page.visit: why for page, why in representatives(frame, START, used=used)}
    assert [told[10 + n] for n in range(MOST_USED)] == [f"traffic:{n + 1}" for n in range(MOST_USED)]
    assert told[10 + MOST_USED].startswith("further")
