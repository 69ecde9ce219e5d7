"""What the environment says of proxies and certificates: a verb never raises for it, and what does not concern the address does no harm."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trustme
from fluxbase_jobs import ConnectionFailed, RequestTimeout

from tests.support.every_transport import every_transport
from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer, raw_server
from tests.support.styles import Connect

transport = every_transport

SECRET: Final = "a-password-of-the-proxy"
PROXIES: Final = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("no_proxy", ["127.0.0.0/8", "fd00::/8,127.0.0.1", "nonsense/99,127.0.0.1", "*"])
def test_no_proxy_is_understood_and_its_odd_entries_do_no_harm(
    environment: pytest.MonkeyPatch, connect: Connect, server: LocalServer, no_proxy: str
) -> None:
    """Networks, addresses, names; entries for other addresses are ignored."""
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    environment.setenv("NO_PROXY", no_proxy)
    server.answer(Answer(200, job()))

    assert connect(server.url, retry=None).jobs.get(JOB_ID).ok


def test_a_proxy_of_the_environment_is_used(environment: pytest.MonkeyPatch, connect: Connect, server: LocalServer) -> None:
    """It gets the full address of the server behind it."""
    environment.setenv("HTTP_PROXY", server.url)
    server.answer(Answer(200, job()))

    connect("http://behind.invalid", retry=None).jobs.get(JOB_ID).unwrap()

    assert server.requests[0].target == f"http://behind.invalid/api/v1/jobs/{JOB_ID}"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "nonsense://x", "http://[::1"])
def test_a_proxy_that_cannot_be_used_is_an_error_value_with_the_variable(
    environment: pytest.MonkeyPatch, connect: Connect, proxy: str
) -> None:
    """A verb does not raise for what the environment contains."""
    environment.setenv("ALL_PROXY", proxy)

    error = connect("http://behind.invalid", retry=None).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert "ALL_PROXY" in error.message
    assert error.hint


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE"])
def test_certificates_that_are_gone_concern_https_alone(
    environment: pytest.MonkeyPatch, connect: Connect, server: LocalServer, variable: str
) -> None:
    """An error value that names the variable there, and nothing for a plain address."""
    environment.setenv(variable, "/nowhere/ca.pem")
    server.answer(Answer(200, job()))

    assert connect(server.url, retry=None).jobs.get(JOB_ID).ok
    error = connect("https://127.0.0.1:9", retry=None).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert variable in error.message


ODD_PROXIES: Final = (
    *(" ", "http://", "://", "http://127.0.0.1:99999", "http://127.0.0.1:0", "127.0.0.1:9", f"http://u:{SECRET}@127.0.0.1:9"),
    *("ftp://127.0.0.1:9", "socks4://127.0.0.1:9", "http://[fe80::1%25lo]:9", "http://exa mple", "http://127.0.0.1:9/path?x#y"),
    *(
        "https://127.0.0.1:9",
        "http://xn--a.invalid:9",
        "http://" + "a" * 300 + ":9",
        f"http://{SECRET}@:9",
        "\udcff",
        "http://127.0.0.1:port",
    ),
)


@pytest.mark.parametrize("proxy", ODD_PROXIES)
def test_odd_proxies_are_error_values(environment: pytest.MonkeyPatch, connect: Connect, proxy: str) -> None:
    """A name that is not resolved, a port that is none: the call says that it was the proxy, without the proxy's password."""
    environment.setenv("http_proxy", proxy)

    error = connect("http://behind.invalid", retry=None, timeout=2).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed | RequestTimeout)
    assert "the proxy of http_proxy" in error.message
    assert SECRET not in f"{error} {error!r} {error.hint} {error.details}"


@pytest.mark.parametrize("proxy", ["", "{host}", "http://{host}", "http://u:p@{host}/"])
def test_forms_of_a_proxy_that_work(environment: pytest.MonkeyPatch, connect: Connect, server: LocalServer, proxy: str) -> None:
    """Without a scheme, with a user; an empty variable names none."""
    environment.setenv("http_proxy", proxy.format(host=server.url.removeprefix("http://")))
    server.answer(Answer(200, job()))

    assert connect(server.url, retry=None).jobs.get(JOB_ID).ok
    assert server.requests[0].target.startswith("http://" if proxy else "/")


@pytest.mark.parametrize("no_proxy", ["", ",", "::1", "[::1]", "127.0.0.1/33", ".", "exa mple", "127.0.0.1.", "\udcff", "fd00::/8"])
def test_no_proxy_that_names_other_hosts(environment: pytest.MonkeyPatch, connect: Connect, server: LocalServer, no_proxy: str) -> None:
    """The proxy is used, and nothing raises."""
    environment.setenv("http_proxy", server.url)
    environment.setenv("no_proxy", no_proxy)
    server.answer(Answer(200, job()))

    connect("http://127.0.0.2:9", retry=None).jobs.get(JOB_ID).unwrap()

    assert server.requests[0].target.startswith("http://127.0.0.2:9/")


PROXY_ANSWERS: Final = {
    "a refusal of the tunnel": b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
    "a demand for a password": b"HTTP/1.1 407 X\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
    "nonsense": f"{SECRET} nonsense\r\n\r\n".encode(),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", PROXY_ANSWERS)
def test_a_proxy_that_opens_no_tunnel(environment: pytest.MonkeyPatch, connect: Connect, kind: str) -> None:
    """For an https address it is asked with CONNECT."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(PROXY_ANSWERS[kind])

    with raw_server(answer) as port:
        environment.setenv("https_proxy", f"http://127.0.0.1:{port}")
        error = connect("https://behind.invalid", retry=None, timeout=2).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert SECRET not in f"{error} {error!r}"


@contextmanager
def tls_server(authority: trustme.CA, name: str) -> Generator[str]:
    """The address of a server with a certificate for this name; it answers each request with a job."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert(name)
    certificate.configure_cert(context)
    content = Answer(200, job()).content()

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            while secured.recv(65_536):
                secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(content), content))

    with raw_server(answer) as port:
        yield f"https://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of this module's."""
    return trustme.CA()


@pytest.fixture
def own_certificates(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no certificates."""
    environment.delenv("SSL_CERT_FILE")
    return environment


def test_certificates_of_the_environment_are_trusted(
    own_certificates: pytest.MonkeyPatch, connect: Connect, authority: trustme.CA, tmp_path: Path
) -> None:
    """Two requests go over one connection, as with http."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own_certificates.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    with tls_server(authority, "127.0.0.1") as url:
        client = connect(url, retry=None, timeout=5)
        assert [client.jobs.get(JOB_ID).unwrap().id for _ in range(2)] == [JOB_ID] * 2


def test_a_certificate_for_another_name(
    own_certificates: pytest.MonkeyPatch, connect: Connect, authority: trustme.CA, tmp_path: Path
) -> None:
    """It is refused, and the message says so."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own_certificates.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    with tls_server(authority, "elsewhere.example") as url:
        error = connect(url, retry=None, timeout=5).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert "certificate" in error.message


def write_nothing(path: Path) -> None:
    """An empty file."""
    path.write_bytes(b"")


def write_junk(path: Path) -> None:
    """What looks like a certificate."""
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\njunk\n-----END CERTIFICATE-----\n")


def make_folder(path: Path) -> None:
    """An empty folder."""
    path.mkdir()


def leave_out(path: Path) -> None:
    """Nothing."""
    assert not path.exists()


@pytest.mark.parametrize("make", [write_nothing, write_junk, make_folder, leave_out])
def test_a_certificate_file_that_is_none(
    own_certificates: pytest.MonkeyPatch, connect: Connect, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """An error value with the variable."""
    make(tmp_path / "ca.pem")
    own_certificates.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    error = connect("https://127.0.0.1:9", retry=None, timeout=5).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert "SSL_CERT_FILE" in error.message


@pytest.mark.parametrize("make", [make_folder, write_nothing, leave_out])
def test_a_certificate_folder_without_certificates(
    own_certificates: pytest.MonkeyPatch, connect: Connect, authority: trustme.CA, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """No server is trusted."""
    make(tmp_path / "certificates")
    own_certificates.setenv("SSL_CERT_DIR", str(tmp_path / "certificates"))

    with tls_server(authority, "127.0.0.1") as url:
        error = connect(url, retry=None, timeout=5).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)


def test_a_key_log_that_cannot_be_written(
    own_certificates: pytest.MonkeyPatch, connect: Connect, authority: trustme.CA, tmp_path: Path
) -> None:
    """Python's ssl opens the file that SSLKEYLOGFILE names: the error names that variable, and none of certificates."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own_certificates.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    own_certificates.setenv("SSLKEYLOGFILE", str(tmp_path / "nowhere" / "keys"))

    error = connect("https://127.0.0.1:9", retry=None, timeout=5).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert "SSLKEYLOGFILE" in error.message


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR", "SSLKEYLOGFILE"])
def test_other_variables_do_no_harm_to_plain_addresses(
    environment: pytest.MonkeyPatch, connect: Connect, server: LocalServer, variable: str
) -> None:
    """Nobody reads them there."""
    environment.setenv(variable, "/nowhere")
    server.answer(Answer(200, job()))

    assert connect(server.url, retry=None).jobs.get(JOB_ID).ok
