"""The system calls that no build or test needs and that have been ways out of a sandbox, as a filter for the kernel.

Classic BPF over `struct seccomp_data` (seccomp(2)): number at 0, architecture at 4, second argument at 24. Calls of
another architecture's table are refused whole, for they would pass by.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_X32 = 0x40000000
_TYPE_INTO_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

# Since Linux 5.1 numbers are the same everywhere: io_uring (425 to 427), and mounting by file descriptors.
_COMMON = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)


@dataclass(frozen=True)
class _Table:
    architecture: int
    ioctl: int
    refused: tuple[int, ...]


# keyctl, add_key, request_key: keys of the user's session; bpf, perf_event_open, userfaultfd; kexec_load,
# kexec_file_load; init_module, finit_module, delete_module; mount, umount2, pivot_root, setns; open_by_handle_at,
# name_to_handle_at; quotactl, swapon, swapoff, reboot, acct, lookup_dcookie, nfsservctl, syslog.
_TABLES = {
    "x86_64": _Table(
        0xC000003E,
        16,
        (
            *(250, 248, 249, 321, 298, 323, 246, 320, 175, 313, 176, 165, 166, 155, 308),
            *(304, 303, 179, 167, 168, 169, 163, 212, 180, 103),
        ),
    ),
    "aarch64": _Table(
        0xC00000B7,
        29,
        (
            *(219, 217, 218, 280, 241, 282, 104, 294, 105, 273, 106, 40, 39, 41, 268),
            *(265, 264, 60, 224, 225, 142, 89, 18, 42, 116),
        ),
    ),
}


def program(machine: str | None = None) -> bytes | None:
    """Return the filter for a machine, by default this one; None where its numbers are not known."""
    table = _TABLES.get(machine or platform.machine())
    if table is None:
        return None
    refused = [*table.refused, *_COMMON]
    code = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, table.architecture), (_RETURN, 0, 0, _ERROR | _ENOSYS), (_LOAD, 0, 0, 0)]
    code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _ERROR | _ENOSYS)]
    for number in refused:
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | _EPERM)]
    code += [(_EQUAL, 1, 0, table.ioctl), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, 24)]
    for command in _TYPE_INTO_TERMINAL:
        code += [(_EQUAL, 0, 1, command), (_RETURN, 0, 0, _ERROR | _EPERM)]
    code += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *one) for one in code)
