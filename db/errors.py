"""What can stop a command, said in one line to a person.

JisweepError
├── UsageError        the command cannot be understood or its input is wrong        exit 2
├── SiteUnreachable   the site's address gives no page to start from                exit 4
├── BrowserMissing    no browser to audit with                                      exit 5
└── StorageError      the database or the output folder cannot be used              exit 6
"""

from collections.abc import Callable
from functools import partial
from typing import Self


class JisweepError(Exception):
    """Stops a command: one line in Japanese, one in English, and the exit code."""

    exit_code = 1

    def __init__(self, *, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en

    def __reduce__(self) -> tuple[Callable[[], Self], tuple[()]]:
        """How it comes back from a further process."""
        return partial(type(self), ja=self.ja, en=self.en), ()

    def line(self, lang: str) -> str:
        """The message in the reader's language (`ja` or `en`)."""
        return self.ja if lang == "ja" else self.en


class UsageError(JisweepError):
    exit_code = 2


class SiteUnreachable(JisweepError):
    exit_code = 4


class BrowserMissing(JisweepError):
    exit_code = 5


class StorageError(JisweepError):
    exit_code = 6
