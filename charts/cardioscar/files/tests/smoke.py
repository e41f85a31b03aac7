"""Ask the installed services what a run will ask of them: `helm test` runs this."""

import os
import sys
import urllib.error
import urllib.request
from base64 import b64encode

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

faults = []


def status(path: str, credentials: str = "") -> int:
    """Status of a request to MLflow, 0 if nothing answers."""
    request = urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + path)  # noqa: S310
    if credentials:
        request.add_header("Authorization", "Basic " + b64encode(credentials.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status
    except urllib.error.HTTPError as fault:
        return fault.code
    except OSError:
        return 0


def expect(what: str, expected: int, found: int) -> None:
    """Note a fault unless the status is the expected one."""
    sys.stderr.write(f"{what}: status {found or 'none'}\n")
    if found != expected:
        faults.append(f"{what}: expected status {expected}, found {found or 'none'}")


if os.environ.get("MLFLOW_TRACKING_URI"):
    search = "/api/2.0/mlflow/experiments/search?max_results=1"
    client = f"{os.environ.get('MLFLOW_TRACKING_USERNAME')}:{os.environ.get('MLFLOW_TRACKING_PASSWORD')}"
    expect("MLflow, health", 200, status("/health"))
    expect("MLflow, without credentials", 401, status(search))
    expect("MLflow, with the credentials of the stages", 200, status(search, client))

endpoint = os.environ.get("AWS_ENDPOINT_URL_S3")
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    config=Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if endpoint else "auto"},
        connect_timeout=5,
        read_timeout=30,
    ),
)
for bucket in os.environ["BUCKETS"].split(","):
    try:
        s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
        sys.stderr.write(f"bucket {bucket}: can be listed\n")
    except ClientError as fault:
        faults.append(f"bucket {bucket}: {fault.response['Error'].get('Code')}")
    except BotoCoreError as fault:
        faults.append(f"bucket {bucket}: {type(fault).__name__}")

sys.exit("\n".join(faults) or 0)
