from __future__ import annotations

from nightwork.llm.estimate import estimated_tokens
from nightwork.module_spec.asking.interface import MAX_INTERFACE_TOKENS, interface_text
from nightwork.redact import redact

SHOP = '''
LIMIT = 3

class Cart:
    """Holds what is to be bought."""
    size = 0

    def add(self, item, count=1):
        """Put something in."""

    def _count(self):
        pass

def total(cart):
    pass
'''


def test_a_unit_shows_its_purpose_and_each_public_name_with_its_signature_and_what_it_is_for(skeleton):
    text = interface_text([skeleton(SHOP)], "Carts of a shop.", {"total": "Sums a cart up.", "Cart": "unused"})
    assert text.split("\n") == [
        "Carts of a shop.",
        "LIMIT",
        "class Cart  # Holds what is to be bought.",
        "  size = 0",
        "  def add(self, item, count=1)  # Put something in.",
        "def total(cart)  # Sums a cart up.",
    ]


def test_fields_then_constants_then_methods_are_left_out_first_and_counted(skeleton):
    methods = "\n".join(
        f"    def method_{n}(self, a, b, c):\n        '''Do the thing number {n}.'''" for n in range(40)
    )
    fields = "\n".join(f"    field_{n} = {n}" for n in range(40))
    source = f"FIRST = 1\nclass A:\n{fields}\n{methods}\ndef last(): pass\n"
    text = interface_text([skeleton(source)], "Many.", {})
    assert estimated_tokens(text) <= MAX_INTERFACE_TOKENS
    assert "class A" in text
    assert "def last()" in text
    assert "def method_0" in text
    assert "def method_39" not in text
    assert "... " in text.split("\n")[-1]
    assert text.split("\n")[-1].endswith("more public names")


def test_a_description_is_dropped_before_its_name(skeleton):
    source = "\n".join(f"def f{n}():\n    '''{'word ' * 20}'''" for n in range(12))
    text = interface_text([skeleton(source)], "p", {})
    assert sum("def f" in line for line in text.split("\n")) == 12


def test_a_secret_is_never_cut_in_half(skeleton):
    key = "sk-ant-" + "a8Kx2Qp7Zt" * 9
    source = f"{'X' * 130} = '{key}'\ndef f(): pass\n"
    text = interface_text([skeleton(source)], f"{'word ' * 40} {key}", {})
    assert "a8Kx" not in redact(text)


def test_nothing_public_shows_the_purpose_alone(skeleton):
    assert interface_text([skeleton("def _f(): pass\n")], "Hidden\nthings.", {}) == "Hidden things."
