"""Where pictures lie outside of the database: objects in a folder or an S3-compatible store, each named by its content.

A name is made of a digest alone, and what is no digest has no name: nothing outside of the store is read, written or deleted.
Writing says what went wrong as a StorageError; reading says what is missing or damaged as a Lacking.
"""

import asyncio
import configparser
import os
import re
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from db.drafts import put_on_disk
from db.errors import StorageError, UsageError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential

SETTING = "JISWEEP_STORE"
DIGEST = re.compile(r"[0-9a-f]{64}")
MARK = "jisweep-store"  # the object that says whose the store is
LARGEST = 64 * 1024 * 1024  # bytes; no picture is as large, so such an object is none of ours
AT_ONCE = 8  # requests to the store
LISTED = 500  # objects in memory
OPTIONS = {"endpoint", "region", "keys"}
CLIENT: "ClientConfig" = {
    "connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=30), "allow_http": True,
}  # fmt: skip
RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


class Lack(StrEnum):
    """Why a picture cannot be shown."""

    MISSING = "missing"
    DAMAGED = "damaged"  # its bytes are not those that it is named by
    UNREACHABLE = "unreachable"  # the store does not answer


class Lacking(Exception):
    """A picture is not to be had."""

    def __init__(self, lack: Lack) -> None:
        super().__init__(lack.value)
        self.lack = lack


@dataclass(frozen=True, kw_only=True)
class Object:
    """What a store has under a digest."""

    digest: str
    size: int  # bytes
    at: datetime  # when it was last written


@dataclass(kw_only=True)
class Listed:
    """Some of what lies in a store."""

    objects: list[Object] = field(default_factory=list)
    foreign: int = 0  # things that have no name of ours, and are left alone


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What signs requests."""

    name: str
    secret: str = field(repr=False)

    def __call__(self) -> "S3Credential":
        """As the client asks for them; what the environment says is not asked."""
        return {"access_key_id": self.name, "secret_access_key": self.secret, "token": None, "expires_at": None}


@dataclass(frozen=True, kw_only=True)
class Store:
    """A place for objects; nothing is opened or made before it is used."""

    place: str  # as people know it
    folder: Path | None = None
    bucket: str = ""
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    keys: Keys | None = None  # None: the machine's own role

    @cached_property
    def _objects(self) -> ObjectStore:
        if self.folder is not None:
            return LocalStore(self.folder)
        config: S3Config = {"virtual_hosted_style_request": False}
        if self.endpoint is not None:
            config["endpoint"] = self.endpoint
        if self.region is not None:
            config["region"] = self.region
        return S3Store(
            self.bucket, prefix=self.prefix or None, config=config, client_options=CLIENT, retry_config=RETRY,
            credential_provider=self.keys,
        )  # fmt: skip

    async def put(self, digest: str, image: bytes, *, new: bool = False) -> bool:
        """Keep an object so that a power cut does not take it; a `new` one is not written over: False when there is one.

        Raises StorageError.
        """
        return await self._put(name_of(digest), image, new=new)

    async def get(self, digest: str) -> bytes:
        """The bytes that have this digest. Raises Lacking, and StorageError when the store cannot be used."""
        if not DIGEST.fullmatch(digest):
            raise Lacking(Lack.MISSING)
        with self._said():
            try:
                found = await obstore.get_async(self._objects, name_of(digest))
                image = bytes(await found.bytes_async()) if found.meta["size"] <= LARGEST else b""
            except FileNotFoundError:
                raise Lacking(Lack.MISSING) from None
        if sha256(image).hexdigest() != digest:
            raise Lacking(Lack.DAMAGED)
        return image

    async def find(self, digest: str) -> Object | None:
        """What is there under a digest, which is not read. Raises StorageError."""
        if not DIGEST.fullmatch(digest):
            return None
        with self._said():
            try:
                found = await obstore.head_async(self._objects, name_of(digest))
            except FileNotFoundError:
                return None
        return Object(digest=digest, size=found["size"], at=found["last_modified"])

    async def remove(self, digest: str) -> None:
        """Delete an object, if it is there. Raises StorageError."""
        name = name_of(digest)
        with self._said(), suppress(FileNotFoundError):
            await obstore.delete_async(self._objects, name)

    async def listed(self) -> AsyncIterator[Listed]:
        """All that lies there, some at a time. Raises StorageError."""
        with self._said():
            if self.folder is not None and not self.folder.exists():
                return
            async for part in obstore.list(self._objects, chunk_size=LISTED):
                listed = Listed()
                for each in part:
                    digest = each["path"].rpartition("/")[2]
                    if DIGEST.fullmatch(digest) and each["path"] == name_of(digest):
                        listed.objects.append(Object(digest=digest, size=each["size"], at=each["last_modified"]))
                    elif each["path"] != MARK:
                        listed.foreign += 1
                yield listed

    def drafts(self) -> list[Path]:
        """Files that whoever was killed while writing them has left in the folder; a bucket has none."""
        if self.folder is None:
            return []
        return [each for each in self.folder.glob("??/??/*#*") if DIGEST.fullmatch(each.name.partition("#")[0])]

    async def mark(self) -> str | None:
        """Whose the store is; None where nobody has said so. Raises StorageError."""
        with self._said():
            if self.folder is not None and not self.folder.exists():
                return None
            try:
                found = await obstore.get_async(self._objects, MARK)
                return bytes(await found.bytes_async()).decode("ascii", "replace").strip()
            except FileNotFoundError:
                return None

    async def set_mark(self, mark: str) -> None:
        """Say whose the store is; a folder is made. Raises StorageError."""
        with self._said():
            if self.folder is not None:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._put(MARK, mark.encode("ascii"))

    async def _put(self, name: str, content: bytes, *, new: bool = False) -> bool:
        with self._said():
            if self.folder is not None and name != MARK and not (self.folder / MARK).exists():
                raise FileNotFoundError(f"{MARK}?")  # it was unmounted: what is below is no place for pictures
            try:
                await obstore.put_async(self._objects, name, content, mode="create" if new else "overwrite")
            except AlreadyExistsError:
                return False
            if self.folder is not None:
                await asyncio.to_thread(_put_on_disk, self.folder, name)
        return True

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What a store says is told in one line, and of which store it is."""
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            why = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
            raise StorageError(
                ja=f"画像の保管場所 {self.place} を使えません（{why}）。",
                en=f"The store of pictures {self.place} cannot be used ({why}).",
            ) from error


def name_of(digest: str) -> str:
    """The name of an object. Raises ValueError for what is no digest."""
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"no digest: {digest!r}")
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def store_at(text: str) -> Store:
    """The store of an address: a folder, or `s3://BUCKET/PREFIX?endpoint=URL&region=NAME&keys=FILE`. Raises UsageError."""
    if "://" not in text and not text.startswith("s3:"):
        return Store(place=text, folder=Path(text).expanduser().absolute())
    try:
        parts = urlsplit(text)
        told = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        if parts.scheme != "s3" or not parts.netloc or set("@:") & set(parts.netloc) or parts.fragment:
            raise ValueError
        endpoint = urlsplit(told.get("endpoint", "https://a"))
        if told.keys() - OPTIONS or endpoint.scheme not in ("https", "http") or "@" in endpoint.netloc:
            raise ValueError
    except ValueError:
        raise UsageError(
            ja="画像の保管場所が読めません。フォルダーか、s3://バケット/接頭辞?endpoint=https://…&region=…&keys=ファイル と書いてください（鍵そのものは書きません）。",
            en="The store of pictures cannot be read: write a folder, or s3://BUCKET/PREFIX?endpoint=https://…&region=…&keys=FILE "
            "(never a key itself).",
        ) from None
    shown = f"s3://{parts.netloc}{parts.path}" + (f" ({told['endpoint']})" if "endpoint" in told else "")
    return Store(
        place=shown, bucket=parts.netloc, prefix=parts.path.strip("/"), endpoint=told.get("endpoint"),
        region=told.get("region"), keys=_keys(Path(told["keys"]).expanduser()) if "keys" in told else None,
    )  # fmt: skip


def configured(text: str | None = None) -> Store | None:
    """The store that is named, else that of the settings; None: pictures stay in the database. Raises UsageError."""
    named = text if text is not None else os.environ.get(SETTING, "")
    return store_at(named) if named else None


def _keys(path: Path) -> Keys:
    """The keys in a file as the programs of such stores have it. Raises UsageError."""
    told = configparser.ConfigParser(interpolation=None)
    try:
        mode = path.stat().st_mode
        told.read_string(path.read_text(encoding="utf-8"))
        keys = Keys(
            name=told["default"]["aws_access_key_id"].strip(),
            secret=told["default"]["aws_secret_access_key"].strip(),
        )
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else "[default] aws_access_key_id, aws_secret_access_key"
        raise UsageError(
            ja=f"画像の保管場所の鍵のファイル {path} を読めません（{why}）。",
            en=f"The file {path} with the keys of the store of pictures cannot be read ({why}).",
        ) from None
    if sys.platform != "win32" and stat.S_IMODE(mode) & 0o077:
        raise UsageError(
            ja=f"画像の保管場所の鍵のファイル {path} を他の利用者も読めます。chmod 600 {path} を実行してください。",
            en=f"The file {path} with the keys of the store of pictures can be read by others: run chmod 600 {path}.",
        )
    return keys


def _put_on_disk(folder: Path, name: str) -> None:
    path = folder / name
    while path != folder:
        put_on_disk(path)
        path = path.parent
    put_on_disk(folder)
