"""One file per algorithm, their evaluation, the promotion gate and the registry.

MLflow reads the settings below while it is imported (usage statistics) and at each call
(patience, progress bars), so they must stand before any module of this room imports it.
What the environment says already wins.
"""

import os

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}.items():
    os.environ.setdefault(_name, _value)
