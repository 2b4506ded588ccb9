"""Where people open the merge requests of a batch's branches: a template of that page's address."""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field

from nightwork.section import Section

_PLACES = ("branch", "ticket", "batch")
# The characters of RFC 3986, so that no form of the queue has one to escape that would change where the link leads.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%{}-]*)?")


def check_link(text: str) -> str:
    """Return a template of a page's address; raises ValueError for what is none, or leads anywhere else by a name."""
    if not text:
        return text
    if len(text) > 1000 or not _ADDRESS.fullmatch(text):
        raise ValueError("expected the address of a page, such as https://github.com/o/r/compare/{branch}")
    try:
        parts = list(Formatter().parse(text))
        urlsplit(text)
    except ValueError as error:
        raise ValueError(f"expected the address of a page: {error}") from error
    for _, name, form, conversion in parts:
        if name is not None and (name not in _PLACES or form or conversion):
            raise ValueError(f"{{{name}}} stands for nothing; {{branch}}, {{ticket}} and {{batch}} do")
    return text


Link = Annotated[
    str,
    AfterValidator(check_link),
    Field(
        description="page where a person opens the merge request of a pushed branch; {branch}, {ticket} and {batch}"
        " stand for names",
        examples=["https://github.com/owner/repository/compare/{branch}"],
    ),
]


class ForgeSettings(Section):
    """Where merge requests are shown, beside the files that nightwork keeps of them."""

    link: Link = ""

    def page_of(self, branch: str, ticket: str, batch: str) -> str | None:
        """Return the address of the page of one branch; None when no template is set."""
        names = {"branch": branch, "ticket": ticket, "batch": batch}
        return self.link.format(**{key: quote(name, safe="/") for key, name in names.items()}) if self.link else None
