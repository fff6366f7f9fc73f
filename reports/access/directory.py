"""The customer's directory: how people sign in with it, and which roles it gives, as a TOML file says."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from audits.organisations import Tree
from crawler.credentials import read_private
from db.errors import UsageError
from db.words import Role
from reports.access.accounts import Grant

KEYS = frozenset(
    {"issuer", "client_id", "client_secret_file", "scopes", "name", "person", "unknown", "label", "grant"}
)
OF_GRANT = frozenset({"claim", "value", "role", "organisation", "site"})


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """Whoever has `value` in a claim has a role: everywhere, in an organisation (a path), or on a site (an address)."""

    claim: str
    value: str
    role: Role
    organisation: str | None = None
    site: str | None = None

    def grant(self, tree: Tree) -> Grant:
        """The grant, where its organisation or site is known. Raises UsageError."""
        if self.organisation is not None:
            return Grant(role=self.role, organisation=tree.named(self.organisation).id)
        if self.site is None:
            return Grant(role=self.role)
        known = {address: number for some in tree.sites.values() for number, address in some}
        if self.site not in known:
            raise UsageError(
                ja=f"ディレクトリの設定にあるサイト {self.site} がありません。",
                en=f"There is no site {self.site}, which the directory's file names.",
            )
        return Grant(role=self.role, site=known[self.site])


@dataclass(frozen=True, kw_only=True)
class Directory:
    """An issuer of OpenID Connect that we are a client of."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name: str = "preferred_username"  # claim that names the account
    person: str = "name"  # claim with the person's name
    makes_accounts: bool = False  # for people who have none
    label: str = ""  # on the button
    mapped: tuple[Mapped, ...] = ()  # empty: roles are given in the administration

    @property
    def claims(self) -> frozenset[str]:
        """The claims that we look at beyond those of every token."""
        return frozenset({self.name, self.person, *(each.claim for each in self.mapped)})

    def grants(self, claims: Mapping[str, Any], tree: Tree) -> list[Grant]:
        """The roles that somebody's claims give. Raises UsageError when one holds where there is nothing."""

        def has(mapped: Mapped) -> bool:
            found = claims.get(mapped.claim)
            return mapped.value in found if isinstance(found, list) else found == mapped.value

        return [each.grant(tree) for each in self.mapped if has(each)]


def read_directory(path: Path) -> Directory:
    """The directory that a file describes. Raises UsageError naming what is wrong with it."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _wrong(path, str(error), str(error)) from None
    if unknown := sorted(told.keys() - KEYS):
        raise _wrong(path, f"{unknown[0]} という項目はありません", f"there is no {unknown[0]}")
    texts = {key: told.get(key) for key in ("issuer", "client_id", "client_secret_file")}
    for key, value in texts.items():
        if not isinstance(value, str) or not value:
            raise _wrong(path, f"{key} がありません", f"{key} is missing")
    for key in ("name", "person", "label"):
        if not isinstance(told.get(key, ""), str):
            raise _wrong(path, f"{key} は文字列で書いてください", f"{key} has to be a text")
    scopes = told.get("scopes", list(Directory.scopes))
    if not isinstance(scopes, list) or not all(isinstance(each, str) for each in scopes) or "openid" not in scopes:
        raise _wrong(path, "scopes には openid が要ります", "scopes have to hold openid")
    if told.get("unknown", "refuse") not in ("refuse", "make"):
        raise _wrong(path, "unknown は refuse か make です", "unknown is refuse or make")
    if not is_safe(told["issuer"]):
        raise _wrong(path, "issuer は https で書いてください", "the issuer has to be https")
    return Directory(
        issuer=told["issuer"], client_id=told["client_id"], scopes=tuple(scopes),
        secret=read_private(path.parent / told["client_secret_file"]).strip(),
        name=told.get("name", Directory.name), person=told.get("person", Directory.person),
        makes_accounts=told.get("unknown") == "make", label=told.get("label", ""),
        mapped=tuple(_mapped(path, each) for each in told.get("grant", [])),
    )  # fmt: skip


def _mapped(path: Path, told: Any) -> Mapped:
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        raise _wrong(path, "[[grant]] の値は文字列で書いてください", "the values of [[grant]] have to be texts")
    if (
        told.keys() - OF_GRANT
        or not {"claim", "value", "role"} <= told.keys()
        or {"organisation", "site"} <= told.keys()
    ):
        raise _wrong(
            path, "[[grant]] には claim、value、role と、必要なら organisation か site を書いてください",
            "[[grant]] has claim, value, role and, if need be, organisation or site",
        )  # fmt: skip
    if told["role"] not in set(Role) or (told["role"] == Role.ADMINISTRATOR and len(told) > 3):
        raise _wrong(
            path, "[[grant]] の role がありません（administrator は範囲なしで書きます）",
            "the role of [[grant]] is none (an administrator has neither organisation nor site)",
        )  # fmt: skip
    return Mapped(**{**told, "role": Role(told["role"])})


def is_safe(address: Any) -> bool:
    """Whether secrets may be sent there: by https, or on this machine."""
    try:
        parts = urlsplit(address)
    except (ValueError, TypeError, AttributeError):
        return False
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    return (
        bool(parts.hostname)
        and (parts.scheme == "https" or local)
        and not parts.fragment
        and "@" not in parts.netloc
    )


def _wrong(path: Path, ja: str, en: str) -> UsageError:
    return UsageError(ja=f"--oidc {path} を使えません: {ja}。", en=f"--oidc {path} cannot be used: {en}.")
