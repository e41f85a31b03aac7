"""Where Kubeflow is and who calls it, as flags that several commands share. Secrets come from variables and files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.errors import ConfigError

if TYPE_CHECKING:
    from cardioscar.services.kubeflow.client import KubeflowApi


@dataclass(frozen=True)
class KubeflowOptions:
    """Kubeflow Pipelines, and access to it."""

    host: str = ""
    """Address of Kubeflow Pipelines, http://… or https://…; by default KF_PIPELINES_ENDPOINT."""
    namespace: str = ""
    """Your namespace, where Kubeflow has several users."""
    existing_token_env: str = ""
    """Name of the environment variable that holds a bearer token."""
    token_file: Path | None = None
    """File that holds a bearer token, read anew before each call; in a pod, its own token is found without it."""
    cookies_env: str = ""
    """Name of the environment variable that holds cookies, such as authservice_session=…"""
    ca_file: Path | None = None
    """Certificates of the authority that signed the server's certificate."""
    ui: str = ""
    """Address of the UI for links, where it is not --host; by default KF_PIPELINES_UI_ENDPOINT."""

    def connect(self) -> KubeflowApi:
        """Open the connection; nothing is sent yet.

        Raises:
            ConfigError: If address, token, cookies or certificates are not what they should be.
            PlatformError: If the Kubeflow client is not installed.
        """
        from cardioscar.services.kubeflow.client import KubeflowApi
        from cardioscar.services.kubeflow.target import KubeflowTarget, token_source

        cookies = os.environ.get(self.cookies_env, "").strip() if self.cookies_env else ""
        if self.cookies_env and not cookies:
            raise ConfigError("cookies", f"a value of the variable {self.cookies_env}", "none")
        return KubeflowApi(
            KubeflowTarget(
                self.host or os.environ.get("KF_PIPELINES_ENDPOINT", ""),
                self.namespace,
                token_source(self.existing_token_env, self.token_file),
                cookies,
                self.ca_file,
                self.ui or os.environ.get("KF_PIPELINES_UI_ENDPOINT", ""),
            )
        )
