"""Make the buckets that are missing, and give each its versioning, lifecycle and policy.

Each step states what is wanted, so running it again changes nothing. Takes the buckets as JSON in BUCKETS: a list of
`{"name", "versioning", "abort_days", "policy"}`.
"""

import json
import logging
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
RULE = "cardioscar-abort-incomplete-uploads"
REGION = os.environ["AWS_DEFAULT_REGION"]
ENDPOINT = os.environ.get("AWS_ENDPOINT_URL_S3")

s3 = boto3.client(
    "s3",
    endpoint_url=ENDPOINT,
    region_name=REGION,
    config=Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if ENDPOINT else "auto"},
        connect_timeout=5,
        read_timeout=60,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    ),
)


def make(name: str) -> None:
    """Make a bucket, unless it is there."""
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as fault:
        if fault.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        # AWS wants the region named everywhere but in us-east-1; other stores know no regions.
        elsewhere = not ENDPOINT and REGION != "us-east-1"
        where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}} if elsewhere else {}
        s3.create_bucket(Bucket=name, **where)
        logging.info("bucket %s: made", name)
    else:
        logging.info("bucket %s: is there", name)


def abort_incomplete_uploads(name: str, days: int) -> None:
    """Add or replace our one lifecycle rule; the rules of others stay."""
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "NoSuchLifecycleConfiguration":
            raise
        rules = []
    ours = {
        "ID": RULE,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
    }
    others = [rule for rule in rules if rule.get("ID") != RULE]
    if ours not in rules:
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [*others, ours]})


def prepare(bucket: dict) -> None:
    """Bring one bucket to the state that is wanted."""
    name = bucket["name"]
    make(name)
    if bucket["versioning"]:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if bucket["abort_days"]:
        try:
            abort_incomplete_uploads(name, bucket["abort_days"])
        except ClientError as fault:
            # Not every store has lifecycles, and none is needed for results to be right.
            code = fault.response["Error"].get("Code")
            if code == "AccessDenied":
                raise
            logging.warning("bucket %s: the store keeps no rule for interrupted uploads (%s)", name, code)
    if bucket["policy"]:
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(bucket["policy"]))


for bucket in json.loads(os.environ["BUCKETS"]):
    try:
        prepare(bucket)
    except ClientError as fault:
        error = fault.response["Error"]
        sys.exit(f"bucket {bucket['name']}: {fault.operation_name} was refused: {error.get('Code')}")
    except BotoCoreError as fault:
        sys.exit(f"bucket {bucket['name']}: {ENDPOINT or 'AWS'} cannot be used: {type(fault).__name__}")
