"""Which Kubeflow Pipelines is meant, and as whom it is called."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cardioscar.errors import ConfigError

POD_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
"""Where a pod finds the token that Kubernetes renews for it (audience `pipelines.kubeflow.org`)."""


@dataclass(frozen=True)
class KubeflowTarget:
    """Where Kubeflow Pipelines is, and as whom to call it.

    Raises:
        ConfigError: If the address is not that of a server, or holds a password.

    >>> KubeflowTarget("https://kubeflow.example.org/pipeline/").label
    'https://kubeflow.example.org/pipeline'
    """

    host: str
    """Address of the API or of the UI, which passes calls on: `http://…:8888`, `https://…/pipeline`."""
    namespace: str = ""
    """The user's namespace, where Kubeflow has several users; otherwise empty."""
    token: Callable[[], str] | None = field(default=None, repr=False)
    """Returns the bearer token; asked before each call, for tokens are renewed."""
    cookies: str = field(default="", repr=False)
    """Content of the `Cookie` header, such as `authservice_session=…`."""
    ca_file: Path | None = None
    """Certificates of authorities, where the server's is signed by one of the hospital's own."""
    ui: str = ""
    """Address of the UI for links, where it differs from `host`."""

    def __post_init__(self) -> None:
        for name, address in (("host", self.host), ("UI", self.ui)):
            parts = urlsplit(address)
            if address and (parts.scheme not in ("http", "https") or not parts.hostname):
                raise ConfigError(f"Kubeflow {name}", "http://host:port or https://host/path", "another form")
            if "@" in parts.netloc:
                raise ConfigError(f"Kubeflow {name}", "an address without user and password", "one with")
        if not self.host:
            raise ConfigError("Kubeflow host", "--host or KF_PIPELINES_ENDPOINT", "neither")
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ConfigError("CA file", "a file of certificates", f"no file '{self.ca_file.name}'")

    @property
    def label(self) -> str:
        """Address for messages."""
        return self.host.rstrip("/")

    def link(self, path: str) -> str:
        """Address of a page of the UI."""
        return f"{(self.ui or self.host).rstrip('/')}/#/{path}"


def token_source(variable: str = "", file: Path | None = None) -> Callable[[], str] | None:
    """Where the bearer token comes from: an environment variable, a file, or what a pod is given.

    Args:
        variable: Name of an environment variable.
        file: File that holds the token; read anew before each call.

    Returns:
        A function that returns the token; None where there is none.

    Raises:
        ConfigError: If both are named, the variable is empty or the file cannot be read.
    """
    if variable and file:
        raise ConfigError("token", "a variable or a file", "both")
    if variable:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise ConfigError("token", f"a value of the variable {variable}", "none")
        return lambda: value
    if not file:
        file = Path(os.environ.get("KF_PIPELINES_SA_TOKEN_PATH", "") or POD_TOKEN)
        if not file.is_file():
            return None

    def read() -> str:
        try:
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no text"
            raise ConfigError("token", f"a readable file '{file.name}'", reason) from None
        if not text or not text.isprintable():
            raise ConfigError("token", f"one line in '{file.name}'", "nothing" if not text else "several")
        return text

    read()
    return read
