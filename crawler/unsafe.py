"""Addresses that may change something when they are opened: never asked for, and said to be left alone.

A crawler only ever asks by GET, which should change nothing (RFC 9110 9.2.1); old sites delete and log out by it
all the same. Judged are the last part of the path, the parameters, and the words of the link itself.
"""

import re
from urllib.parse import parse_qsl, urlsplit

_LEAVING = frozenset({"logout", "logoff", "signout", "signoff"})
_ACTS = _LEAVING | {
    "delete", "destroy", "remove", "unsubscribe", "withdraw", "addtocart", "addcart", "cartadd", "addtobasket", "vote",
    "print", "printpage",
}  # fmt: skip
_VERBS = frozenset({"action", "act", "do", "cmd", "command", "mode", "method", "op", "operation", "task", "event"})
_SAID = re.compile(
    r"(?:ログアウト|サインアウト|退会(?:する)?|解約(?:する)?|(?:この.{1,10}を)?削除(?:する)?|取り?消す"
    r"|カートに(?:入れる|追加)|(?:買い?物)?かごに(?:入れる|追加)|(?:この)?(?:ページ|画面)?を?印刷(?:する|用(?:ページ|画面)?)?"
    r"|log ?out|sign ?out|log ?off|delete|remove|unsubscribe|add to (?:cart|basket|bag)|print(?: this)?(?: page)?)",
    re.IGNORECASE,
)
_TITLES = re.compile(r"退会|解約|削除|delete|remove", re.IGNORECASE)  # what people do, and what pages are about
_AROUND = " 　【】[]「」>›»・"
_NAME = re.compile(r"[^a-z0-9]")


def acts(address: str) -> str | None:
    """The part of an address that speaks of an act, or None."""
    parts = urlsplit(address)
    *_, before, last = ("", *parts.path.rstrip("/").split("/"))
    stem = last.partition(".")[0]
    spoken = _LEAVING if parts.path.endswith("/") else _ACTS
    if not spoken.isdisjoint((_plain(stem), _plain(before + stem))) and not last.endswith((".html", ".htm")):
        return f"{before}/{last}" if before else last
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if _plain(name) in _ACTS or (_plain(name) in _VERBS and _plain(value) in _ACTS):
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


def _plain(name: str) -> str:
    return _NAME.sub("", name.lower())
