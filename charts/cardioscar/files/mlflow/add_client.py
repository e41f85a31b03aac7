"""Make the MLflow user that stages log in as, or give it the password of its secret.

An ordinary user: it manages the experiments and models that it makes itself, and sees no others.
"""

import logging
import os
import sys
import time

import requests

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
PATIENCE_S = float(os.environ.get("PATIENCE_S", "480"))

api = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/users"
admin = (os.environ["ADMIN_USERNAME"], os.environ["ADMIN_PASSWORD"])
client = (os.environ["CLIENT_USERNAME"], os.environ["CLIENT_PASSWORD"])
if admin[0] == client[0]:
    sys.exit("client secret: its user name is the administrator's; stages need a user of their own")
if len(client[1]) < 12:
    sys.exit("client secret: expected a password of 12 characters or more, found fewer")


def call(method: str, path: str, auth: tuple[str, str], **body: str) -> int:
    """Status of one request, or 0 while nothing answers."""
    try:
        return requests.request(method, f"{api}/{path}", auth=auth, json=body or None, timeout=30).status_code
    except requests.RequestException:
        return 0


end = time.monotonic() + PATIENCE_S
while (status := call("GET", "current", admin)) in {0, 502, 503, 504} and time.monotonic() < end:
    time.sleep(3)
if status == 401:
    sys.exit("admin secret: MLflow refuses its name or password; a password is changed in MLflow first, then here")
if status != 200:
    sys.exit(f"MLflow: expected an answer within {PATIENCE_S:g} s, found status {status or 'none'}")

if call("GET", "current", client) == 200:
    logging.info("MLflow user of the stages: is there")
    sys.exit()
status = call("POST", "create", admin, username=client[0], password=client[1])
if status == 400:  # the name is taken, so the password is another one
    status = call("PATCH", "update-password", admin, username=client[0], password=client[1])
if status != 200:
    sys.exit(f"MLflow user of the stages: expected status 200, found {status or 'none'}")
logging.info("MLflow user of the stages: made, or its password changed")
