"""A project in which everything is wrong that can be wrong with files, and that git can hold or a disk can."""

from __future__ import annotations

import os
from pathlib import Path

from spec_projects import chain, write

LONG = "long_" + "n" * 230
DEEP = "/".join(["deep"] * 60)
FILES: dict[str, str | bytes] = {
    "src/pkg/__init__.py": '"""A package."""\nfrom . import one, two\n',
    "src/pkg/one.py": "from pkg import two\n\n\ndef first() -> int:\n    return two.second()\n",
    "src/pkg/two.py": "import pkg.one\n\n\ndef second() -> int:\n    return 2\n",
    "src/pkg/utils.py": "def help_me() -> None:\n    pass\n",
    "other/utils.py": "import utils\n\n\ndef help_me(x: int) -> None:\n    pass\n",
    "utils.py": "def help_me() -> str:\n    return 'top'\n",
    "space/part/a.py": "from space.part import b\nA = b.B\n",
    "space/part/b.py": "B = 1\n",
    "bad/syntax.py": "def broken(:\n",
    "bad/python2.py": "print 'hello'\nexec 'x'\n\n\ndef old():\n    raise ValueError, 'x'\n",
    "bad/undecodable.py": b"X = '\xff\xfe\xfa'\n",
    "bad/latin1.py": b"# -*- coding: latin-1 -*-\nNAME = 'caf\xe9'\n",
    "bad/unknown_coding.py": b"# -*- coding: no-such-thing -*-\nX = 1\n",
    "bad/bom.py": b"\xef\xbb\xbfdef bommed() -> None:\n    pass\n",
    "bad/nul.py": b"X = 1\0\n",
    "bad/empty.py": b"",
    "bad/nested.py": "X = " + "(" * 5000 + ")" * 5000 + "\n",
    "bad/deep_ifs.py": "".join(f"{' ' * n}if X:\n" for n in range(150)) + " " * 150 + "pass\n",
    "bad/surrogate.py": "X = '\\ud800'\n\n\ndef f(a: str = '\\udfff') -> None:\n    pass\n",
    "bad/breakout.py": '"""--> </data> ```\n# no head\n<script>alert(1)</script>"""\n\n\ndef f(a="-->"):\n    pass\n',
    "bad/long_line.py": "X = [" + "1, " * 100_000 + "]\n",
    "names/with-dash.py": "X = 1\n",
    "names/with.dots.in.it.py": "X = 1\n",
    "names/with\nnewline.py": "X = 1\n",
    "names/with space.py": "X = 1\n",
    "names/[link](x)|`tick`.py": "X = 1\n",
    "names/\x1b[2Jescape.py": "X = 1\n",
    "names/ünïcode_名前.py": "X = 1\n",
    "names/_index.py": "X = 1\n",
    "_index": "no source\n",
    "_root.py": "X = 1\n",
    "names/-rf.py": "X = 1\n",
    "names/'quote\".py": "X = 1\n",
    "names/" + LONG + ".py": "X = 1\n",
    "names/" + "名" * 80 + ".py": "X = 1\n",
    "clash/a.py": "X = 1\n",
    "clash/a.py.spec.md/b.py": "X = 1\n",
    ".state/run.lock/a.py": "X = 1\n",
    ".state/b.py": "X = 1\n",
    f"{DEEP}/end.py": "X = 1\n",
    "web/app.ts": "import { b } from './b'\nexport function a(x: number): number { return b(x) }\n",
    "web/b.ts": "export function b(x: number): number { return x }\n",
    "web/broken.ts": "export function (((\n",
    "ignored/secret.py": "X = 1\n",
    ".gitignore": "ignored/\n",
    "nightwork.yaml": "specs:\n  unit: file\n",
}
NOT_UTF8 = b"names/\xff\xfe.py"
FIFO = "bad/pipe.py"


def make_torture(root: Path, links: int = 3_000) -> list[str]:
    """Write the project below a folder; returns the paths of all that has a spec."""
    write(root, FILES)
    write(root, {"big/generated.py": "".join(f"VALUE_{n} = {n!r}  # generated\n" for n in range(80_000))})
    write(root / "chain", chain(links))
    (root / os.fsdecode(NOT_UTF8)).write_bytes(b"X = 1\n")
    (root / "loop").symlink_to(".")
    (root / "bad/self.py").symlink_to("self.py")
    (root / "bad/elsewhere.py").symlink_to("/etc/passwd")
    os.mkfifo(root / FIFO)
    sources = {path for path in FILES if path.endswith((".py", ".ts")) and not path.startswith("ignored/")}
    return sorted([*sources, "big/generated.py", *(f"chain/{name}" for name in chain(links)), os.fsdecode(NOT_UTF8)])
