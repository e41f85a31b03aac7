"""Bring the tables of tracking, registry and users up to date, or make them in an empty database.

MLflow's own commands, called in this process, so that the address with its password is on no command line.
"""

import logging
import os
import sys

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
uri = os.environ.get("MLFLOW_BACKEND_STORE_URI", "").strip()
if not uri.startswith(("postgresql+psycopg://", "sqlite:///")):
    sys.exit("MLFLOW_BACKEND_STORE_URI: expected postgresql+psycopg://… or sqlite:///…; see the key of its secret")

from mlflow.db import commands as tracking  # noqa: E402
from mlflow.server.auth.db.cli import commands as users  # noqa: E402
from sqlalchemy.exc import SQLAlchemyError  # noqa: E402

try:
    tracking(["upgrade", uri], standalone_mode=False)
    users(["upgrade", "--url", uri], standalone_mode=False)
except SQLAlchemyError as fault:
    # The text of a driver's error may hold the address, so it is not repeated.
    sys.exit(f"database: the upgrade failed with {type(fault).__name__}; its server's log says why")
logging.info("database: the tables are up to date")
