"""What is a secret and what only looks like one; no key here was ever valid."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from itertools import pairwise
from urllib.parse import quote

import pytest

from nightwork.redact import RedactingFilter, find, hide, hide_variable, is_marked, redact, redact_data

# Put together so that this file itself holds none.
AWS = "AKIA" + "Z7Q2M4N6P8R1S3T5"
GITHUB = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"
ANTHROPIC = "sk-ant-" + "api03-Zq8Lm2Xc7Vb4Nn6Pp1Rr3Tt5"
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n{BODY}\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"

SECRETS = [
    ("cloud key", f"id = {AWS}", AWS),
    ("forge token", f"git clone https://x:{GITHUB}@github.com/a/b", GITHUB),
    ("forge token", f"token {GITHUB}.", GITHUB),
    ("forge token", "glpat-" + "x9Zq8Lm2Xc7Vb4Nn6Pp1", "x9Zq8Lm2Xc7Vb4Nn6Pp1"),
    ("API key", f"x-api-key: {ANTHROPIC}", ANTHROPIC),
    ("API key", "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", "SyA1b2C3d4"),
    ("API key", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqLyjWDarjtT1zdp7dc"),
    ("chat token", "xoxb-" + "2345678901-abcdefGHIJKL", "abcdefGHIJKL"),
    ("web hook", "https://hooks.slack.com/services/" + "T02A4B6C8/B01A3B5C7/a1B2c3D4e5F6", "a1B2c3D4e5F6"),
    ("JWT", f"cookie={JWT};", JWT),
    ("private key", PEM, BODY),
    ("private key", json.dumps({"key": PEM}), BODY),
    ("private key", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n{BODY}", BODY),
    ("password", "postgres://ann:s3cr3tPa55@db:5432/shop", "s3cr3tPa55"),
    ("credentials", "Authorization: Basic YW5uOnMzY3IzdFBhNTU=", "YW5uOnMzY3IzdFBhNTU="),
    ("credentials", '"Authorization": "Bearer 9f8e7d6c5b4a39281706"', "9f8e7d6c5b4a39281706"),
    ("secret", 'DB_PASSWORD = "tr0ub4dor&3x!"', "tr0ub4dor&3x!"),
    ("secret", "export API_KEY=Zq8Lm2Xc7Vb4Nn6P", "Zq8Lm2Xc7Vb4Nn6P"),
    ("secret", '{"client_secret": "Zq8Lm2Xc7Vb4Nn6P"}', "Zq8Lm2Xc7Vb4Nn6P"),
    ("secret", json.dumps(json.dumps({"clientSecret": "Zq8Lm2Xc7Vb4Nn6P"})), "Zq8Lm2Xc7Vb4Nn6P"),
    ("secret", "password: hunter2!X9zQ\n", "hunter2!X9zQ"),
    ("cloud key", "AccountKey=" + "b3JhbmdlIHBlZWwgYXBwbGUgcGllIGJhbmFuYSBzcGxpdA==", "b3Jhbmdl"),
]


@pytest.mark.parametrize(("kind", "text", "secret"), SECRETS)
def test_a_secret_is_taken_out_and_its_kind_is_told(kind: str, text: str, secret: str) -> None:
    shown = redact(text)
    assert secret not in shown
    assert f"[redacted {kind}]" in shown


HARMLESS = [
    "commit 45781b0c3f2e9d8a7b6c5d4e3f2a1b0c9d8e7f6a",
    "sha256 = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    '"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="',
    "id: 123e4567-e89b-12d3-a456-426614174000",
    "token = 123e4567-e89b-12d3-a456-426614174000",
    "password = 'changeme'",
    'password: "your-password-1"',
    "API_KEY=${API_KEY}",
    "API_KEY=$API_KEY_1",
    "password = os.environ['DB_PASSWORD']",
    "token = get_token(request.user2)",
    "token: Token2Factory",
    "token = response.json2.value_1",
    "const token = process.env.TOKEN_1;",
    "secret = settings.SECRET_KEY_2",
    "max_tokens = 100000000",
    "tokens: list[str] = tokenizer2.encode(text)",
    "if password == confirm_password_1:",
    "def login(password: str, token: str) -> None: ...",
    "Enter your password: it has at least 12 characters",
    "https://example.com:8443/path@2",
    "https://user:password@example.com".replace("password", "<password>"),
    "AKIA" + "IOSFODNN7EXAMPLE",
    "--hash=sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "requests==2.31.0",
    "Authorization: the header of a request",
    "sk-learn-is-not-a-key",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "csrf_token: '{{ csrf_token }}'",
    'PASSWORD = "correct horse battery staple"',
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_a_text_is_redacted_once_and_the_marks_stay() -> None:
    text = "\n".join(text for _, text, _ in SECRETS)
    assert redact(redact(text)) == redact(text)
    assert is_marked({"a": ["x", redact(text)]})


def test_matches_do_not_overlap_and_are_in_order() -> None:
    matches = find("\n".join(text for _, text, _ in SECRETS))
    assert matches == sorted(matches)
    assert all(one.end <= other.start for one, other in pairwise(matches))


def test_data_is_redacted_at_any_depth() -> None:
    shown = redact_data({"a": [{"b": f"x {AWS}"}], AWS: 1, "n": None})
    assert AWS not in json.dumps(shown)
    assert shown["n"] is None


@pytest.mark.parametrize("prefix", ["", "a", "ab", "user:"])
def test_a_hidden_value_is_found_however_it_is_written(prefix: str) -> None:
    value = "tulip/bulb+Garden 77"
    hide(value)
    inside = (prefix + value + ":more").encode()
    forms = [value, quote(value, safe=""), value.encode().hex()]
    forms += [base64.b64encode(inside).decode(), base64.urlsafe_b64encode(inside).decode()]
    for form in forms:
        assert "[redacted value]" in redact(f"said {form} aloud"), form
    for form in forms[:3]:
        assert form not in redact(form)


def test_a_hidden_value_that_is_a_word_of_any_text_is_left() -> None:
    hide("a")
    hide("1234567")
    assert redact("a 1234567") == "a 1234567"


def test_of_variables_only_those_with_secrets_are_hidden() -> None:
    hide_variable("HOME", "some/folder/of/ann")
    hide_variable("PROVIDER_TOKEN", "plainwordsonly")
    assert redact("some/folder/of/ann plainwordsonly") == "some/folder/of/ann [redacted value]"


MANY = 5_000_000


@pytest.mark.parametrize(
    "unit",
    ["a", "A", "eyJ", "eyJ" + "a" * 2000 + " ", "-----BEGIN PRIVATE KEY-----", "password=", "password = '", "://a:",
     "://", "sk-", "authorization: ", "x" * 30 + ":", "token:" + "a1B" * 130, "-----BEGIN PRIVATE KEY-----\nab\n",
     "secret==", "AKIA", "\\n", "AT" + "ATT", "gh", "https://hooks.slack.com/services/", " "],
)  # fmt: skip
def test_a_hostile_text_takes_no_longer_than_its_length_asks(unit: str) -> None:
    text = (unit * (MANY // len(unit)))[:MANY]
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 20


def test_log_lines_and_tracebacks_are_redacted() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("nightwork.somewhere")
    logger.addHandler(handler)
    try:
        raise ValueError(f"refused {AWS}")
    except ValueError:
        logger.exception("call with %s failed", GITHUB)
    assert AWS not in stream.getvalue()
    assert GITHUB not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
