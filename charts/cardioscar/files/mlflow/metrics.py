"""Serve what the server's workers have counted to Prometheus: requests by method and status, and their times.

No login: what is counted names no user, experiment or run, and network policies say who may ask. MLflow's own address
of the same numbers asks for the administrator's password, which a monitoring system should not hold.
"""

import logging
import os
import threading

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
registry = CollectorRegistry()
MultiProcessCollector(registry, path=os.environ["METRICS_FOLDER"])
host = os.environ.get("METRICS_HOST", "0.0.0.0")  # noqa: S104 - of a pod, whose peers a network policy names
start_http_server(int(os.environ["METRICS_PORT"]), addr=host, registry=registry)
logging.info("metrics: served on port %s", os.environ["METRICS_PORT"])
threading.Event().wait()
