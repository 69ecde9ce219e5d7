"""Certificates are verified; who switches that off in a client of their own is warned once."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import trustme
from fluxbase_jobs import ConnectionFailed, InvalidInput

from tests.support.every_transport import every_transport
from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

transport = every_transport


def test_an_unknown_authority_is_refused(connect: Connect, server: LocalServer) -> None:
    """By every transport, before anything is sent: the key stays here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = trustme.CA().issue_cert("127.0.0.1")
    certificate.configure_cert(context)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True, do_handshake_on_connect=False)

    error = connect(server.url.replace("http:", "https:"), "eyJ.a-token", retry=None, timeout=2).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert server.requests == []


def test_the_names_in_a_certificate_are_not_quoted(
    connect: Connect, server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One of another host: what stands in it is the server's text, and may be long."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert(*[f"tiger-{number}.example" for number in range(100)])
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "roots.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True, do_handshake_on_connect=False)

    error = connect(server.url.replace("http:", "https:"), "eyJ.a-token", retry=None, timeout=5).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert "certificate" in error.message
    assert "tiger" not in error.message


def unverified(connect: Connect, library: Any = httpx) -> Any:
    """An HTTP client that takes any certificate."""
    return library.Client(verify=False) if connect.style == "sync" else library.AsyncClient(verify=False)  # what is tested


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_a_client_that_takes_any_certificate_is_warned_of_once(connect: Connect, server: LocalServer, library: Any) -> None:
    """However many Fluxbase clients use it; the warning names the line that makes the first."""
    http = connect.keep(unverified(connect, library))
    server.answer(Answer(200, job()))

    with pytest.warns(UserWarning, match="does not verify the server's certificate"):
        first = connect(server.url, "eyJ.a-token", http_client=http)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = connect(server.url, "eyJ.a-token", http_client=http)

    assert first.jobs.get(JOB_ID).ok
    assert second.jobs.get(JOB_ID).ok


def test_a_client_that_verifies_is_not_warned_of(connect: Connect, server: LocalServer) -> None:
    """Warnings are errors in these tests."""
    server.answer(Answer(200, job()))

    assert connect(server.url, "eyJ.a-token", http_client=connect.http()).jobs.get(JOB_ID).ok


def test_there_is_no_option_to_take_any_certificate(connect: Connect) -> None:
    """A client of one's own is the only way."""
    options: dict[str, Any] = {"verify": False}

    with pytest.raises((TypeError, InvalidInput)):
        connect("https://127.0.0.1:9", "eyJ.a-token", **options)
