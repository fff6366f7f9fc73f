"""How the web application is set up."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from db.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """What `jisweep web` is told."""

    database: str
    public: str  # the origin that readers' browsers see: https://a11y.example.lg.jp
    lang: str = "ja"  # of readers who have chosen none
    browser: str | None = None  # for rechecks, sweeps and PDF
    warms: bool = False  # works out what takes long before somebody asks, see reports.web.warming
    runs_sweeps: bool = False  # those that are asked for here
    contact: str = ""  # said to the operators of sites, where neither the site nor its last sweep has one
    allow_private: bool = False  # in sweeps that are asked for here
    oidc: Path | None = None  # TOML file that names the directory to sign in with
    notices: Path | None = None  # TOML file that says how people are told of what happens; None: they are not

    def __post_init__(self) -> None:
        parts = urlsplit(self.public)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.path not in ("", "/")
            or parts.query
            or parts.fragment
            or "@" in parts.netloc
            or not _has_port(parts)
        ):
            raise UsageError(
                ja=f"公開アドレス「{self.public}」は https://ホスト名 の形で書いてください。",
                en=f"The public address {self.public!r} must be of the form https://host.",
            )
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise UsageError(
                ja="http の公開アドレスは、この機械の中（localhost）だけで使えます。https にしてください。",
                en="A public address of http serves on this machine (localhost) only: use https.",
            )

    @property
    def origin(self) -> str:
        """Scheme, host and port, as browsers send them: in small letters, without the scheme's own port."""
        parts = urlsplit(self.public)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        usual = {"http": 80, "https": 443}[parts.scheme]
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, usual) else "")

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https only."""
        return self.origin.startswith("https:")

    @property
    def cookie(self) -> str:
        """The session's cookie; its prefix has browsers hold it to this host, by https (RFC 6265bis)."""
        return "__Host-jisweep" if self.secure else "jisweep"


def _has_port(parts: SplitResult) -> bool:
    """Whether the port, if there is one, is a number that a port can have."""
    try:
        return parts.port != 0
    except ValueError:
        return False
