"""Credentials objects of the package ``google-auth``, which need not be installed."""

from __future__ import annotations

from .errors import CredentialsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Protocol, TypeGuard

    class _GoogleCredentials(Protocol):
        """The part of ``google.auth.credentials.Credentials`` that is needed."""

        token: Any
        expiry: Any

        def refresh(self, request: Any, /) -> object: ...  # noqa: ANN401 - theirs has no types


def is_google(given: object) -> TypeGuard[_GoogleCredentials]:
    """True for a credentials object; a caller that has made one has imported its package."""
    return not isinstance(given, type) and all(
        hasattr(given, name) for name in ("refresh", "token", "expiry")
    )


class Source:
    """Access tokens of a credentials object, refreshed only when they are not fresh.

    Called from a thread of its own, never from an event loop's, and one call at a time.
    """

    __slots__ = ("_credentials", "_lock", "_request")

    def __init__(self, credentials: _GoogleCredentials, scope: str) -> None:
        import threading

        # Those of a service account have no scope before they are told one.
        if getattr(credentials, "requires_scopes", False):
            if not scope:
                message = "the service documents no OAuth scope, and the credentials need one"
                advice = "Give scope=..., or credentials that have scopes."
                raise CredentialsError(message, kind="transport", advice=advice)
            credentials = credentials.with_scopes([scope])  # type: ignore[attr-defined] # not all have it
        self._credentials = credentials
        self._lock = threading.Lock()
        self._request: Any = None

    @property
    def quota_project(self) -> str | None:
        """The project that pays, as the object has it."""
        return getattr(self._credentials, "quota_project_id", None)

    def __call__(self, refused: bool) -> tuple[str, float | None]:
        """A token, and for how many seconds it is good."""
        with self._lock:
            credentials = self._credentials
            if refused or not _is_fresh(credentials):
                if self._request is None:
                    self._request = _request()
                credentials.refresh(self._request)
            return credentials.token, _remaining(credentials.expiry)


def _is_fresh(credentials: Any) -> bool:  # noqa: ANN401 - versions differ
    state = getattr(credentials, "token_state", None)
    if state is not None:
        return getattr(state, "name", "") == "FRESH"
    return bool(getattr(credentials, "valid", False))


def _remaining(expiry: datetime | None) -> float | None:
    if expiry is None:
        return None
    from datetime import datetime, timezone

    if expiry.tzinfo is None:
        expiry = expiry.replace(tzinfo=timezone.utc)  # noqa: UP017 - what google-auth means by it
    return (expiry - datetime.now(tz=timezone.utc)).total_seconds()  # noqa: UP017 - as above


def _request() -> object:
    """The transport that refreshes the object, over the HTTP library that is installed."""
    try:
        from google.auth.transport.requests import Request

        return Request()
    except ImportError:
        pass
    try:
        import urllib3
        from google.auth.transport.urllib3 import Request as Urllib3Request

        return Urllib3Request(urllib3.PoolManager())  # type: ignore[no-untyped-call] # theirs
    except ImportError as error:
        message = "google.auth needs requests or urllib3 to refresh credentials; install one"
        raise CredentialsError(message, kind="transport") from error
