"""The frame of every page that nightwork writes: nothing loaded, no script, fit for light and dark."""

from __future__ import annotations


def frame(title: str, style: str, body: str) -> str:
    """Return one self-contained HTML page; title and body are escaped already.

    The Content-Security-Policy says to the browser as well that nothing runs, should an escape ever be forgotten.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
