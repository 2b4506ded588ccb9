from __future__ import annotations

import struct

import pytest

from nightwork.sandbox import seccomp

ALLOW, REFUSE, NO_SUCH = 0x7FFF0000, 0x00050001, 0x00050026
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
IOCTL, KEYCTL, READ = {"x86_64": 16, "aarch64": 29}, {"x86_64": 250, "aarch64": 219}, {"x86_64": 0, "aarch64": 63}


def decide(code: bytes, number: int, architecture: int, argument: int = 0) -> int:
    """Run the filter as the kernel would."""
    data = struct.pack("=IIQQQ", number, architecture, 0, 0, argument)
    steps = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    at = value = 0
    while True:
        operation, if_true, if_false, k = steps[at]
        at += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("=I", data, k)
        elif operation == 0x06:
            return k
        else:
            at += if_true if (value == k if operation == 0x15 else value >= k) else if_false


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_what_it_names_and_nothing_else(machine: str) -> None:
    code, own = seccomp.program(machine), ARCHITECTURE[machine]
    assert code is not None
    assert decide(code, READ[machine], own) == ALLOW
    assert decide(code, KEYCTL[machine], own) == decide(code, 425, own) == decide(code, 442, own) == REFUSE
    assert decide(code, IOCTL[machine], own, 0x5401) == ALLOW
    assert decide(code, IOCTL[machine], own, 0x5412) == decide(code, IOCTL[machine], own, 0x541C) == REFUSE
    assert decide(code, READ[machine], 0x40000003) == NO_SUCH  # another table of numbers
    assert decide(code, READ[machine] | 0x40000000, own) == NO_SUCH


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp.program("riscv64") is None
