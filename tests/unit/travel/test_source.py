from __future__ import annotations

import base64
import http.server
import logging
import threading

import pytest
from pydantic import SecretStr

from nightwork.errors import BadInput, Infrastructure, NightworkError
from nightwork.travel import Source, visit
from nightwork.travel.source import copy_name

TOKEN = "tk-" + "9f3a71c04be25d68" * 2


@pytest.mark.parametrize(
    ("where", "url"),
    [
        ("https://git.example.org/team/shop.git", "https://git.example.org/team/shop.git"),
        ("https://ann:secret-word-1@git.example.org/shop/", "https://git.example.org/shop"),
        (f"https://{TOKEN}@git.example.org/shop", "https://git.example.org/shop"),
        ("ssh://git@git.example.org:2222/shop.git", "ssh://git@git.example.org:2222/shop.git"),
        ("git@git.example.org:team/shop.git", "git@git.example.org:team/shop.git"),
        ("file:///srv/shop.git", "file:///srv/shop.git"),
        ("http://127.0.0.1:8000/shop", "http://127.0.0.1:8000/shop"),
    ],
)
def test_an_address_is_known_without_its_credentials(where, url):
    source = Source(where)
    assert not source.is_folder()
    access = source.access()
    assert access.url == url
    assert "secret-word" not in access.url


@pytest.mark.parametrize(
    "where",
    [
        "ext::sh -c touch% /tmp/x",
        "fd::17",
        "ssh://-oProxyCommand=x/y",
        "ftp://git.example.org/x",
        "https://git.example.org/x\n--upload-pack=x",
        "https://git.example.org/x?access_token=1",
        "ssh://git:secret-word@git.example.org/x",
        "https://[broken/x",
    ],
)
def test_what_git_must_not_be_given_is_refused(where):
    with pytest.raises(BadInput) as caught:
        Source(where).access()
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("where", [".", "/srv/shop", "shop", "--upload-pack=x", "C"])
def test_everything_else_is_a_folder(where):
    assert Source(where).is_folder()


def test_a_token_is_not_sent_over_an_open_line():
    with pytest.raises(BadInput, match="open line"):
        Source("http://git.example.org/x", SecretStr(TOKEN)).access()
    assert Source("git@git.example.org:x", SecretStr(TOKEN)).access().secret == ""


def test_copies_of_different_addresses_have_different_readable_names():
    names = {copy_name(url) for url in ("https://a/team/shop.git", "https://b/team/shop.git", "git@a:team/shop")}
    assert len(names) == 3
    assert all(name.startswith("team-shop-") for name in names)


@pytest.fixture
def host():
    """Return the address of a host that refuses everything, and the headers that it was sent."""
    seen = []

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers)
            status = 500 if "broken" in self.path else 302 if "moved" in self.path else 403
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere/info/refs?service=git-upload-pack")
            self.end_headers()
            self.wfile.write(str(self.headers).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("path", "kind"), [("shop", BadInput), ("broken", Infrastructure), ("moved", NightworkError)])
def test_a_token_reaches_its_host_and_nothing_else(host, path, kind, at_home, tmp_path, caplog):
    at_home("a")
    caplog.set_level(logging.DEBUG)
    url, seen = host
    with pytest.raises(kind) as caught, visit(Source(f"{url}/{path}", SecretStr(TOKEN)), "a test"):
        pass
    told = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert seen[0]["Authorization"] == f"Basic {told}"
    for text in (str(caught.value), caplog.text):
        assert TOKEN not in text
        assert told not in text
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [each for each in written if TOKEN.encode() in each or told.encode() in each]


def test_a_repository_that_is_not_there_and_trouble_on_the_way_are_told_apart(at_home, tmp_path):
    at_home("a")
    with pytest.raises(BadInput, match="cannot be used"), visit(Source(f"file://{tmp_path}/none"), "a test"):
        pass
    with pytest.raises(Infrastructure), visit(Source("http://127.0.0.1:1/none"), "a test"):
        pass
    assert not list((tmp_path / "a").rglob(".git"))


def test_a_folder_is_locked_where_it_stands(remote):
    with visit(Source(str(remote.work)), "a test") as root, visit(Source(str(root)), "a stage") as same:
        assert root == same == remote.work
        assert (root / ".nightwork" / "run.lock").exists()
    assert remote.refs().keys() == {"refs/heads/main"}
