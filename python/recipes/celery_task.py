"""A task of Celery, whose result is the outcome as JSON; the error of a failed one is the error.

A cancel may be repeated, so that the task can be given to another worker when its own one dies
(`acks_late`). The task does not retry: the client has, and its error says whether that helps.
"""

from functools import cache
from typing import Any

from celery import Celery

from countermand import Client

app = Celery("rescue")
app.conf.task_acks_late = True
app.conf.task_reject_on_worker_lost = True


@cache
def client() -> Client:
    """One for all tasks of a worker; it connects anew in the processes that the worker forks."""
    return Client(user_agent="rescue-celery/1.0")


@app.task
def countermand(name: str) -> dict[str, Any]:
    return client().countermand(name).to_dict()
