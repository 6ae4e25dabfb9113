"""Arguments of other libraries, and what they are here."""

from __future__ import annotations

_DEADLINE = "deadline= (seconds for one operation) or attempt_timeout= (seconds for one request)"
_TOKEN = "token= (a path, a dict, a function, or credentials of google.auth)"
_PROXY = "proxy_from_env=True, with the proxy in HTTPS_PROXY"

MEANT = {
    "timeout": _DEADLINE,
    "retry": "max_attempts=",
    "retries": "max_attempts=",
    "max_retries": "max_attempts=",
    "credentials": _TOKEN,
    "auth": _TOKEN,
    "api_endpoint": "endpoint=",
    "base_url": "endpoint=",
    "endpoint_url": "endpoint=",
    "client_options": "endpoint=, token= and quota_project=",
    "project": "quota_project=",
    "quota_project_id": "quota_project=",
    "proxy": _PROXY,
    "proxies": _PROXY,
    "trust_env": _PROXY,
    "verify": "ca_file=",
    "limits": "in_flight=",
    "max_workers": "in_flight=",
}
"""By the name of the argument, the arguments that are meant."""


def unknown_argument(what: str, name: str) -> TypeError:
    """The exception for an argument that there is not."""
    text = f"{what}() got an unexpected keyword argument {name!r}"
    return TypeError(f"{text}; use {MEANT[name]}" if name in MEANT else text)
