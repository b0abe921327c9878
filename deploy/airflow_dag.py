"""Every night, from Airflow: it only calls the command and maps its exit codes (docs/exit-codes.md).

Copy it into the folder of DAGs. The worker needs ropo-pipeline, the folder of the inbox, and ROPO_CID,
ROPO_APICODE, ROPO_LEDGER and ROPO_NOTIFY in its environment. Starting it again is always safe: what was sent
is not sent again.
"""

# ruff: noqa: INP001 - Airflow reads single files

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

# 0: all is with the service. 1: some invoices need attention, and people have been told: the task shows as
# skipped and is not tried again. 2: the configuration is wrong: the task fails (it is
# tried again all the same, which does no harm). 3 and 4: outcomes are
# unknown, or try again later: the task fails, and its next try looks them up and goes on.
NIGHT = """
ropo-pipeline inbox /var/lib/ropo-pipeline --once
code=$?
if [ $code -eq 1 ]; then exit 99; fi
exit $code
"""

with DAG(
    "ropo_pipeline",
    description="Send the exports of the night to Ropo One",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow takes it in the DAG's own time zone
    catchup=False,
    max_active_runs=1,
):
    BashOperator(
        task_id="inbox",
        bash_command=NIGHT,
        skip_on_exit_code=99,
        retries=8,
        retry_delay=timedelta(minutes=15),
    )
