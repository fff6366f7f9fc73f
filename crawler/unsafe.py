"""Addresses that may change something when they are opened: never asked for, and said to be left alone.

A crawler only ever asks by GET, which should change nothing (RFC 9110 9.2.1); old sites delete and log out by it
all the same. Judged are the last part of the path, the parameters, and the words of the link itself.
"""

import re
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

_LEAVING = frozenset({"logout", "logoff", "signout", "signoff"})
_ACTS = _LEAVING | {
    "delete", "destroy", "remove", "unsubscribe", "withdraw", "addtocart", "addcart", "cartadd", "addtobasket", "vote",
    "print", "printpage",
}  # fmt: skip
HINTS = (
    *sorted(_ACTS),
    "cart",
    "basket",
)  # one is in each path and query that speak of an act, if letters are looked at
QUERY_HINTS = ("del",)  # the same of queries alone
_CHANGING = _ACTS - {"print", "printpage", "vote"}
_VERBS = frozenset({"action", "act", "do", "cmd", "command", "mode", "method", "op", "operation", "task", "event"})
_SAID = re.compile(
    r"(?:(?:ログアウト|サインアウト|ログオフ)(?:する|します)?|(?:退会|解約|脱退|投票)(?:する|します)?|(?:この.{1,10}を)?削除(?:する|します)?|取り?消す"
    r"|配信(?:を)?停止(?:する|します)?|(?:メール)?(?:登録|配信|購読)を?(?:解除|停止|中止)(?:する|します)?"
    r"|(?:カート|(?:買い?物)?かご)[にへ](?:入れる|追加(?:する|します)?)|(?:この)?(?:ページ|画面)?を?印刷(?:する|します|用(?:ページ|画面)?)?"
    r"|(?:log ?out|sign ?out|log ?off)(?: now)?|(?:delete|remove)(?: (?:this|the))?(?: (?:entry|item|post|page|comment|message|account))?"
    r"|unsubscribe(?: now)?|vote(?: now)?|add to (?:cart|basket|bag)|print(?: this)?(?: page)?)(?: ?[(（].{1,30}[)）])?",
    re.IGNORECASE,
)
_TITLES = re.compile(r"退会|解約|削除|delete|remove", re.IGNORECASE)  # what people do, and what pages are about
_AROUND = " 　【】[]「」>›»・"
_NAME = re.compile(r"[^a-z0-9]")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def acts(address: str) -> str | None:
    """The part of an address that speaks of an act, or None."""
    parts = urlsplit(address)
    segments = ("", *parts.path.rstrip("/").split("/"))
    *_, before, last = segments
    stem = last.partition(".")[0]
    spoken = _LEAVING if parts.path.endswith("/") else _ACTS
    if not spoken.isdisjoint((_plain(stem), _plain(before + stem))) and not last.endswith((".html", ".htm")):
        return f"{before}/{last}" if before else last
    if not last.endswith((".html", ".htm")) and not _LEAVING.isdisjoint(_parts(stem)):
        return last  # user_logout, doLogout.do
    if "." in last and not last.endswith((".html", ".htm")) and not _CHANGING.isdisjoint(_parts(stem)):
        return last  # entry_delete.php
    for one, other in pairwise(segments):
        if (_plain(one) in _CHANGING and other.isdecimal()) or (_plain(other) in _CHANGING and one.isdecimal()):
            return f"{one}/{other}"  # /delete/5, /items/5/delete/
        if one in ("cart", "basket") and _plain(other) in ("add", *_CHANGING):
            return f"{one}/{other}"  # /cart/add/5
        if _plain(one) in _LEAVING and other:
            return f"{one}/{other}"  # /logout/now
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        does = _plain(value) in _ACTS | {"del"} or not _CHANGING.isdisjoint(_parts(value))
        if (
            _plain(name) in _ACTS | {"del"}
            or (_plain(name) in _VERBS and does)
            or (stem in ("cart", "basket") and name == "add")
        ):
            return f"{name}={value}"
    return None


def says_act(words: str) -> bool:
    """Whether the words of a link, white space collapsed, are those of an act and of nothing else."""
    return _SAID.fullmatch(words.strip(_AROUND)) is not None


def is_title(words: str) -> bool:
    """Whether such words may as well be the title of a document."""
    return _TITLES.fullmatch(words.strip(_AROUND)) is not None


def is_file(address: str) -> bool:
    """Whether an address is that of an HTML file, and no part of its path is the name of an act."""
    parts = urlsplit(address)
    named = {_plain(each.partition(".")[0]) for each in parts.path.split("/")}
    changes = _ACTS - {"print", "printpage"}
    return not parts.query and parts.path.lower().endswith((".html", ".htm")) and changes.isdisjoint(named)


def _parts(name: str) -> set[str]:
    """The words that a name is made of: user_logout, doLogout."""
    return {_plain(each) for each in _WORDS.findall(name)} | {_plain(name)}


def _plain(name: str) -> str:
    return _NAME.sub("", name.lower())
