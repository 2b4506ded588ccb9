"""Which price a model has: that of the settings, else the published one; a model without a price is not used."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import resources

from pydantic import RootModel

from nightwork import yamlfile
from nightwork.errors import bad_input
from nightwork.price import Price

_DATED = re.compile(r"-\d{8}$")


class _Prices(RootModel[dict[str, Price]]):
    pass


@functools.cache
def published() -> Mapping[str, Price]:
    """Return the published prices by model, as prices.yaml holds them."""
    text = resources.files("nightwork.llm").joinpath("prices.yaml").read_text(encoding="utf-8")
    return yamlfile.validate(_Prices, yamlfile.parse(text, "prices.yaml")).root


def price_of(model: str, own: Mapping[str, Price], where: str = "agent.model") -> Price:
    """Return what a model costs, by its name with or without a date; raises BadInput when nobody has said.

    `where` is the setting that names the model.
    """
    known = {**published(), **own}
    for name in (model, _DATED.sub("", model)):
        if name in known:
            return known[name]
    names = ", ".join(sorted(known))
    raise bad_input(where, f"no price is known for {model!r}; known: {names}; or give it one under `prices`")
