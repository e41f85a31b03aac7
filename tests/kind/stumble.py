"""A pipeline of one task that fails the first time and succeeds the second: does `set_retry` try again?"""

from pathlib import Path

from kfp import compiler, dsl, kubernetes


def compile_stumble(image: str, path: Path) -> None:
    """Compile the pipeline for an image that holds boto3."""

    @dsl.component(base_image=image, install_kfp_package=False)
    def stumble(endpoint: str, bucket: str, prefix: str):
        """Leave a mark for each attempt; the first ends with exit code 1."""
        import sys

        import boto3

        store = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        attempts = store.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("KeyCount", 0)
        store.put_object(Bucket=bucket, Key=f"{prefix}/{attempts}", Body=b"")
        if attempts == 0:
            sys.exit(1)

    @dsl.pipeline(name="stumble", description="One task that fails once.")
    def pipeline(endpoint: str, bucket: str, prefix: str):
        """Run the task, with two retries.

        Args:
            endpoint: Address of the object store.
            bucket: Bucket for the marks.
            prefix: Where in it.
        """
        task = stumble(endpoint=endpoint, bucket=bucket, prefix=prefix)
        task.set_caching_options(False).set_retry(2, backoff_duration="5s", backoff_factor=1.0)
        task.set_cpu_limit("500m").set_memory_limit("512Mi")
        keys = {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
        kubernetes.use_secret_as_env(task, "mlpipeline-minio-artifact", keys)

    compiler.Compiler().compile(pipeline, str(path))
