"""Write the settings of MLflow's basic auth from the environment, then become `mlflow server`.

MLflow takes the database of its users from a file alone, and that address holds a password: the file is made here, in
memory and readable by the server alone. Name and password of the administrator stay in the environment.
"""

import configparser
import os
import sys
from pathlib import Path

SCHEMES = ("postgresql+psycopg", "sqlite")


def secret(variable: str) -> str:
    """Value of a variable that comes from a secret."""
    value = os.environ.get(variable, "").strip()
    if not value:
        sys.exit(f"{variable}: expected a value, found none; see the key of the secret that it comes from")
    return value


database = secret("MLFLOW_BACKEND_STORE_URI")
scheme = database.partition("://")[0]
if scheme not in SCHEMES:
    # A URI without a scheme may be a bare password: only known words are repeated.
    found = scheme if scheme in {"postgres", "postgresql", "postgresql+psycopg2", "mysql"} else "another one"
    sys.exit(f"MLFLOW_BACKEND_STORE_URI: expected the scheme {' or '.join(SCHEMES)}, found {found}")
for variable in ("MLFLOW_AUTH_ADMIN_USERNAME", "MLFLOW_FLASK_SERVER_SECRET_KEY"):
    secret(variable)
if len(secret("MLFLOW_AUTH_ADMIN_PASSWORD")) < 12:
    sys.exit("MLFLOW_AUTH_ADMIN_PASSWORD: expected 12 characters or more, found fewer")

settings = configparser.ConfigParser()
settings["mlflow"] = {
    "default_permission": secret("AUTH_DEFAULT_PERMISSION"),
    "database_uri": database.replace("%", "%%"),
    # without it the server hashes the password several times a request, which takes most of its processor
    "auth_cache_ttl_seconds": secret("AUTH_CACHE_SECONDS"),
    "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
}
path = Path(secret("MLFLOW_AUTH_CONFIG_PATH"))
path.unlink(missing_ok=True)
with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
    settings.write(file)

os.execvp("mlflow", ["mlflow", "server", *sys.argv[1:]])  # noqa: S606, S607
