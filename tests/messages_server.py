"""A server of ours that speaks the Messages API, for the real client: scripts of answers, faults, and a cache account.

    with MessagesServer([tools(view={"path": "a"}), text("done")]) as server:
        ... ANTHROPIC_BASE_URL=server.url ...
    server.requests  # what was asked, each with its bytes

Answers come from a list, in order; from `conversations({"T-1": {"C0": [...], ...}})`, which looks at the conversation
only, so that resumed and parallel agents get theirs; or from any function of an `Asked`. A list that runs out, one that
is left over, and a request that breaks the API's rules end the test when the server closes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from batches_server import PATH as BATCHES
from batches_server import Batches

Block = dict[str, Any]
LOOK_BACK = 20
MAX_BREAKPOINTS = 4
BYTES_PER_TOKEN = 4


@dataclass(frozen=True)
class Answer:
    """What is sent for one request; a status other than 200 sends `error` instead of a message."""

    blocks: tuple[Block, ...] = ()
    stop_reason: str = "end_turn"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    error: tuple[str, str] = ("api_error", "it failed")
    details: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # events, then the connection is closed
    end_after: int | None = None  # events, then the stream ends as if it were whole
    error_after: int | None = None  # events, then `error` as an event
    garbage_after: int | None = None  # events, then something that is no JSON
    wait_s: float = 0.0  # before the answer
    pause_s: float = 0.0  # after the first event
    output_tokens: int | None = None
    body: bytes | None = None  # instead of everything else
    explanation: str | None = None


def text(said: str, stop_reason: str = "end_turn") -> Answer:
    return Answer(blocks=({"type": "text", "text": said},), stop_reason=stop_reason)


def tools(*calls: Mapping[str, Any], say: str = "", think: str = "", **named: Any) -> Answer:
    """Answer with tool calls: `tools({"view": {...}}, {"run": {...}})`, or `tools(view={...})`."""
    wanted = [*(item for call in calls for item in call.items()), *named.items()]
    blocks: list[Block] = [{"type": "thinking", "thinking": think}] if think else []
    blocks += [{"type": "text", "text": say}] if say else []
    blocks += [{"type": "tool_use", "name": name, "input": given or {}} for name, given in wanted]
    return Answer(blocks=tuple(blocks), stop_reason="tool_use")


def rate_limited(retry_after: str | None = None, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if retry_after is not None:
        told["retry-after"] = retry_after
    return Answer(status=429, headers=told, error=("rate_limit_error", "too many requests"))


def failed(status: int, kind: str = "api_error", message: str = "it failed", code: str = "") -> Answer:
    return Answer(status=status, error=(kind, message), details={"error_code": code} if code else {})


def overloaded() -> Answer:
    return failed(529, "overloaded_error", "Overloaded")


def refusal(said: str = "") -> Answer:
    return Answer(stop_reason="refusal", explanation=said or "against the rules")


def cut(answer: Answer, after: int = 3) -> Answer:
    return replace(answer, cut_after=after)


Script = Sequence[Answer] | Callable[["Asked"], Answer]


@dataclass(frozen=True)
class Asked:
    """One request: its bytes, and what can be read from its conversation."""

    raw: bytes
    headers: Mapping[str, str]
    number: int

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    def blocks(self) -> list[bytes]:
        """Return tools, system and messages block by block, without the marks of the cache, as the cache sees them."""
        body = self.body
        found = [("tool", tool) for tool in body.get("tools", [])]
        found += [("system", block) for block in body.get("system", [])]
        found += [(message["role"], block) for message in body["messages"] for block in message["content"]]
        return [_bytes([role, {k: v for k, v in block.items() if k != "cache_control"}]) for role, block in found]

    def breakpoints(self) -> list[int]:
        """Return the places of the blocks that end a cached beginning."""
        body = self.body
        found = [*body.get("tools", []), *body.get("system", [])]
        found += [block for message in body["messages"] for block in message["content"]]
        return [place for place, block in enumerate(found) if "cache_control" in block]

    def words(self) -> str:
        """Return all texts said by the user, in order."""
        content = [b for m in self.body["messages"] if m["role"] == "user" for b in m["content"]]
        return "\n".join(block["text"] for block in content if block["type"] == "text")

    @property
    def ticket(self) -> str:
        match = re.search(r"^id: (\S+)$", self.words(), re.MULTILINE)
        return match[1] if match else ""

    @property
    def stage(self) -> str:
        return max(re.findall(r"^Stage (C\d):", self.words(), re.MULTILINE), default="")

    @property
    def turn(self) -> int:
        """Count the assistant's messages since the stage was opened."""
        turn = 0
        for message in self.body["messages"]:
            opened = any(re.search(r"^Stage C\d:", block.get("text", ""), re.MULTILINE) for block in message["content"])
            turn = 0 if opened and message["role"] == "user" else turn + (message["role"] == "assistant")
        return turn


def conversations(script: Mapping[str, Mapping[str, Sequence[Any]]]) -> Callable[[Asked], Answer]:
    """Answer as the scripted model does: ticket -> stage -> turns, a turn being a text, calls, or an Answer."""

    def answer(asked: Asked) -> Answer:
        turns = script[asked.ticket][asked.stage]
        if asked.turn >= len(turns):
            raise LookupError(f"no turn {asked.turn + 1} for {asked.ticket} {asked.stage}")
        turn = turns[asked.turn]
        if isinstance(turn, Answer):
            return turn
        return text(turn) if isinstance(turn, str) else tools(*turn)

    return answer


FAULTS: dict[str, Callable[[Answer, random.Random], Answer]] = {
    "429": lambda _, chance: rate_limited("0"),
    "500": lambda _, chance: failed(500),
    "503": lambda _, chance: failed(503),
    "529": lambda _, chance: overloaded(),
    "408": lambda _, chance: failed(408, "timeout_error"),
    "cut": lambda answer, chance: cut(answer, chance.randrange(4)),
    "ends early": lambda answer, chance: replace(answer, end_after=chance.randrange(4)),
    "error event": lambda answer, chance: replace(
        answer, error_after=chance.randrange(4), error=("overloaded_error", "")
    ),
    "garbage": lambda answer, chance: replace(answer, garbage_after=chance.randrange(4)),
    "no stream": lambda _, chance: Answer(body=b"<html>bad gateway</html>"),
}


@dataclass(frozen=True)
class Faults:
    """Faults at random: a share of all requests gets one of them instead of its answer."""

    rate: float
    seed: int
    kinds: tuple[str, ...] = tuple(FAULTS)


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self.connections = 0
        self.sockets: list[socket.socket] = []
        super().__init__(*arguments)
        self.socket.settimeout(1)  # a connection that is gone when it is to be taken blocks nobody

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        self.sockets.append(request)
        super().process_request(request, client_address)

    def end(self) -> None:
        """Serve nobody any more, on kept connections neither."""
        self.shutdown()
        self.server_close()
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class MessagesServer:
    """The server, in threads of its own; `requests` holds what was asked, `usages` what each whole answer counted."""

    def __init__(
        self,
        script: Script = (),
        faults: Faults | None = None,
        window: int | None = None,
        leftovers_allowed: bool = False,
    ) -> None:
        # A key of its own for each server, and with it a client: ports come again, and old connections with them.
        self.key = f"sk-test-key-{uuid.uuid4().hex}"
        self.requests: list[Asked] = []
        self.usages: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.faulty = 0
        self.refused: Answer | None = None  # to every question for a model by its name
        self.window = window
        self.models = {"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-4-5"}
        self._script = script
        self._leftovers_allowed = leftovers_allowed
        self._faults = faults
        self._chance = random.Random(faults.seed if faults else 0)
        self._cache: set[bytes] = set()
        self._served = 0
        self._lock = threading.Lock()
        self.batches = Batches(self)
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> MessagesServer:
        threading.Thread(target=lambda: self._http.serve_forever(0.02), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._http.end()
        if kind is None:
            self.check()

    @property
    def connections(self) -> int:
        return self._http.connections

    def check(self) -> None:
        """Fail when a request broke the rules, or a list of answers ran out or is left over."""
        left = 0 if callable(self._script) or self._leftovers_allowed else len(self._script) - self._served
        problems = [*self.problems, *([f"{left} answers are left over"] if left > 0 else [])]
        assert not problems, problems

    def answer(self, asked: Asked) -> Answer:
        """Choose the answer to a request, and count it."""
        with self._lock:
            self.requests.append(asked)
            self.problems += [f"request {asked.number + 1}: {problem}" for problem in _broken_rules(asked)]
            if self.window is not None and (tokens := _tokens(asked.blocks())) > self.window:
                told = f"prompt is too long: {tokens} tokens > {self.window} maximum"
                return failed(400, "invalid_request_error", told)
            found = self._scripted(asked)
            if found.status == 200 and self._faults and self._chance.random() < self._faults.rate:
                self.faulty += 1
                return FAULTS[self._chance.choice(self._faults.kinds)](found, self._chance)
            return found

    def _scripted(self, asked: Asked) -> Answer:
        try:
            if callable(self._script):
                return self._script(asked)
            self._served += 1
            return self._script[self._served - 1]
        except LookupError as error:
            self.problems.append(f"request {asked.number + 1}: the script has no answer: {error}")
            return failed(400, "invalid_request_error", "the script has no answer")

    def usage(self, asked: Asked, output_tokens: int) -> dict[str, Any]:
        """Count tokens as the provider does: what is read from the cache, written to it, and neither."""
        blocks, places = asked.blocks(), asked.breakpoints()
        ends = _digests(asked.body["model"], blocks)
        with self._lock:
            read = max(
                (p for b in places for p in range(b, max(b - LOOK_BACK, -1), -1) if ends[p] in self._cache), default=-1
            )
            self._cache.update(ends[place] for place in places)
        last = max(places, default=-1)
        cached, written = _tokens(blocks[: read + 1]), _tokens(blocks[read + 1 : last + 1])
        is_long = b'"ttl":"1h"' in asked.raw
        usage = {
            "input_tokens": _tokens(blocks[last + 1 :]),
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": written,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if is_long else written,
                "ephemeral_1h_input_tokens": written if is_long else 0,
            },
            "output_tokens": output_tokens,
        }
        self.usages.append(usage)
        return usage

    def cached_share(self) -> float:
        """Return which share of all input was read from the cache."""
        whole = sum(
            u["input_tokens"] + u["cache_read_input_tokens"] + u["cache_creation_input_tokens"] for u in self.usages
        )
        return sum(usage["cache_read_input_tokens"] for usage in self.usages) / whole


def signature(model: str, before: Sequence[bytes], thinking: str) -> str:
    """Sign thinking as newer models do: it holds for this model, behind this conversation, and for no other."""
    spoken = [block for block in before if b'"type":"thinking"' not in block]
    return hashlib.sha256(b"\0".join([model.encode(), *spoken, thinking.encode()])).hexdigest()


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _tokens(blocks: Sequence[bytes]) -> int:
    return sum(-(-len(block) // BYTES_PER_TOKEN) for block in blocks)


def _digests(model: str, blocks: Sequence[bytes]) -> list[bytes]:
    """Return for each block a digest of everything up to it."""
    running, found = hashlib.sha256(model.encode()), []
    for block in blocks:
        running.update(len(block).to_bytes(8, "big") + block)
        found.append(running.digest())
    return found


def _broken_rules(asked: Asked) -> list[str]:
    """Say which of the API's rules a request breaks."""
    body, found = asked.body, []
    roles = [message["role"] for message in body["messages"]]
    if roles != (["user", "assistant"] * len(roles))[: len(roles)] or roles[-1] != "user":
        found.append(f"the roles are {roles}")
    if len(asked.breakpoints()) > MAX_BREAKPOINTS:
        found.append(f"{len(asked.breakpoints())} cache breakpoints")
    for before, message in zip([None, *body["messages"]], body["messages"], strict=False):
        found += _broken_by(message, before)
    return found + _broken_signatures(asked)


def _broken_by(message: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
    kinds = [block["type"] for block in message["content"]]
    found = [] if kinds else ["a message is empty"]
    found += ["a text is empty" for b in message["content"] if b["type"] == "text" and not b["text"].strip()]
    if kinds and message["role"] == "assistant" and kinds[-1] == "thinking":
        found.append("an assistant's message ends with thinking")
    if message["role"] == "user":
        called = [b["id"] for b in (before or {"content": []})["content"] if b["type"] == "tool_use"]
        answered = [b["tool_use_id"] for b in message["content"] if b["type"] == "tool_result"]
        if sorted(called) != sorted(answered):
            found.append(f"calls {called} are answered by {answered}")
        if kinds != sorted(kinds, key=lambda kind: kind != "tool_result"):
            found.append("text stands before a tool's answer")
    return found


def _broken_signatures(asked: Asked) -> list[str]:
    blocks = asked.blocks()
    found = []
    for place, block in enumerate(blocks):
        said = json.loads(block)[1]
        if said.get("type") == "thinking":
            expected = signature(asked.body["model"], blocks[:place], said["thinking"])
            if said.get("signature") != expected:
                found.append(f"thinking at block {place} was changed, or what stands before it")
    return found


def _events(answer: Answer, asked: Asked, usage: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    message = {"id": f"msg_{asked.number}", "type": "message", "role": "assistant", "content": [], "stop_reason": None}
    start = {**message, "model": asked.body["model"], "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}
    events: list[tuple[str, dict[str, Any]]] = [("message_start", {"message": start}), ("ping", {})]
    before = asked.blocks()
    for index, block in enumerate(answer.blocks):
        events += [(name, {"index": index, **data}) for name, data in _block_events(block, index, asked, before)]
        if block["type"] != "tool_use":
            before.append(_bytes(["assistant", block]))
    details = {"type": "refusal", "category": None, "explanation": answer.explanation} if answer.explanation else None
    delta = {"stop_reason": answer.stop_reason, "stop_sequence": None, "stop_details": details}
    events.append(("message_delta", {"delta": delta, "usage": {"output_tokens": usage["output_tokens"]}}))
    return [*events, ("message_stop", {})]


def _block_events(block: Block, index: int, asked: Asked, before: list[bytes]) -> list[tuple[str, dict[str, Any]]]:
    match block["type"]:
        case "text":
            start, deltas = (
                {"type": "text", "text": ""},
                [{"type": "text_delta", "text": p} for p in _parts(block["text"])],
            )
        case "thinking":
            start = {"type": "thinking", "thinking": "", "signature": ""}
            signed = signature(asked.body["model"], before, block["thinking"])
            deltas = [{"type": "thinking_delta", "thinking": part} for part in _parts(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": signed})
        case _:
            call = hashlib.sha256(b"".join(asked.blocks()) + bytes([index])).hexdigest()[:16]
            start = {"type": "tool_use", "id": f"toolu_{call}", "name": block["name"], "input": {}}
            given = block["raw"] if "raw" in block else json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in ["", *_parts(given)]]
            before.append(_bytes(["assistant", {**start, "input": block.get("input", {})}]))
    events = [("content_block_start", {"content_block": start})]
    return [*events, *(("content_block_delta", {"delta": delta}) for delta in deltas), ("content_block_stop", {})]


def _parts(said: str) -> list[str]:
    return [said[place : place + 40] for place in range(0, len(said), 40)]


def _handler(server: MessagesServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            if self.path.partition("?")[0].startswith(BATCHES):
                self._batch(b"")
                return
            name = self.path.rpartition("/")[2]
            if server.refused:
                self._fail(server.refused)
            elif name in server.models:
                self._send(200, _bytes({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01"}))
            else:
                self._fail(failed(404, "not_found_error", f"model: {name}"))

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path.startswith(BATCHES):
                self._batch(raw)
                return
            asked = Asked(raw, headers, len(server.requests))
            answer = server.answer(asked)
            time.sleep(answer.wait_s)
            try:
                self._reply(answer, asked)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _batch(self, raw: bytes) -> None:
            """Answer a call about batches: `/v1/messages/batches[/ID[/results | /cancel]]`."""
            store, (_, name, verb) = server.batches, (self.path.partition("?")[0][len(BATCHES) :] + "//").split("/")[:3]
            call = "create" if self.command == "POST" and not name else verb or ("poll" if name else "list")
            store.on_request("before", call)
            if store.faults and call == "create":
                self._fail(store.faults.pop(0))
                return
            if store.outages.get(call, 0) > 0:
                store.outages[call] -= 1
                self._fail(overloaded())
                return
            if name and name not in store.made:
                self._fail(failed(404, "not_found_error", f"batch: {name}"))
                return
            if call == "cancel" and store.made[name].results is not None:
                self._fail(failed(400, "invalid_request_error", "the batch has ended"))
                return
            told = self._batch_told(call, name, raw)
            store.on_request("after", call)
            if call == "create" and store.loses_answers:
                store.loses_answers -= 1
                self.close_connection = True
                self.connection.shutdown(2)
                return
            self._send(200, told, "application/x-jsonl" if call == "results" else "application/json")

        def _batch_told(self, call: str, name: str, raw: bytes) -> bytes:
            store = server.batches
            match call:
                case "create":
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    return _bytes(store.create(raw, headers, Asked))
                case "list":
                    return _bytes(store.listed())
                case "results":
                    return store.lines(store.made[name])
                case "cancel":
                    store.made[name].is_canceled = True
                    return _bytes(store.shown(store.made[name]))
            return _bytes(store.poll(store.made[name]))

        def _reply(self, answer: Answer, asked: Asked) -> None:
            if answer.body is not None:
                self._send(200, answer.body, "text/html")
            elif answer.status != 200:
                self._fail(answer)
            else:
                self._stream(answer, asked)

        def _fail(self, answer: Answer) -> None:
            kind, message = answer.error
            details = {"details": dict(answer.details)} if answer.details else {}
            body = {"type": "error", "error": {"type": kind, "message": message, **details}}
            self._send(answer.status, _bytes(body), headers=answer.headers)

        def _send(
            self, status: int, body: bytes, kind: str = "application/json", headers: Mapping[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in {"content-type": kind, "content-length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, answer: Answer, asked: Asked) -> None:
            said = sum(len(json.dumps(block)) for block in answer.blocks)
            output = answer.output_tokens if answer.output_tokens is not None else 1 + said // BYTES_PER_TOKEN
            usage = server.usage(asked, min(output, asked.body["max_tokens"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for number, (name, data) in enumerate(_events(answer, asked, usage)):
                if self._ends(answer, number):
                    return
                self._chunk(name, _bytes({"type": name, **data}))
                time.sleep(answer.pause_s if number == 0 else 0)
            self.wfile.write(b"0\r\n\r\n")

        def _ends(self, answer: Answer, number: int) -> bool:
            if number == answer.cut_after:
                self.close_connection = True
                self.connection.shutdown(2)
                return True
            if number == answer.error_after:
                kind, message = answer.error
                self._chunk("error", _bytes({"type": "error", "error": {"type": kind, "message": message}}))
            if number == answer.garbage_after:
                self._chunk("content_block_delta", b'{"type": "content_block_delta", "index":')
            if number in {answer.end_after, answer.error_after, answer.garbage_after}:
                self.wfile.write(b"0\r\n\r\n")
                return True
            return False

        def _chunk(self, name: str, data: bytes) -> None:
            event = b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()

    return Handler
