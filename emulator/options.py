"""What the command line and the environment decide."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SIGNING_KEY = "whsec_of_the_emulator"


@dataclass(frozen=True)
class Options:
    """One emulator: where it listens, what it calls, and the credentials it expects."""

    host: str = "127.0.0.1"
    allowed_hosts: tuple[str, ...] = ()
    """Further names that it is asked under; any other is refused."""
    port: int = 3001
    home: Path | None = None
    """State is kept under `home/emulator/`; None keeps it in memory."""
    scenario: Path | None = None
    people: int = 0
    webhook_url: str = "http://localhost:3000/api/directory-sync"
    webhook_secret: str = SIGNING_KEY
    api_key: str = "sk_test_emulator"
    client_id: str = "client_emulator"
    redirect_uri: str = "http://localhost:3000/auth/callback"

    @property
    def base_url(self) -> str:
        """Where the two halves find each other."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def application_url(self) -> str:
        """The front page of the application, as far as the redirect address tells."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"
