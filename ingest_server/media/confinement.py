"""Confining this very process before it reads hostile bytes; used only by the program in the sandbox.

What is asked of the kernel, each part by itself, and ``confine`` tells which parts hold:

* resource limits (``setrlimit``): address space, processor time, file size, open files, no core dump;
* no network: a network namespace of its own where the kernel permits one (``unshare``);
* a system call filter (seccomp, x86-64 and AArch64): no socket, no new program or process, no file is opened, renamed
  or removed, no other process is looked at or signalled. Threads may be made, memory may be asked for, and what is
  open already may be read and written: one socket to the parent;
* where the worker runs as root, the process becomes the user *nobody*.

The filter is set after every library is loaded, so the decoders need no file from then on.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
from dataclasses import dataclass

NOBODY = 65534
CLONE_NEWUSER, CLONE_NEWNET, CLONE_THREAD = 0x10000000, 0x40000000, 0x00010000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_DUMPABLE = 1, 38, 22, 4
_SECCOMP_MODE_FILTER = 2
_EPERM, _ENOSYS = 1, 38
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
# Offsets in struct seccomp_data.
_NR, _ARCH, _ARG0 = 0, 4, 16
# Number on x86-64 and on AArch64, None where the architecture has no such call (from the kernel's own tables).
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # network
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    # programs and processes
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kill": (62, 129), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438), "prlimit64": (302, 261), "setpriority": (141, 140),
    # files by name
    "open": (2, None), "openat": (257, 56), "openat2": (437, 437), "creat": (85, None),
    "open_by_handle_at": (304, 265),
    "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "unlink": (87, None), "unlinkat": (263, 35),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "link": (86, None), "linkat": (265, 37),
    "symlink": (88, None), "symlinkat": (266, 36), "mknod": (133, None), "mknodat": (259, 33), "truncate": (76, 45),
    "chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "lchown": (94, None),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88),
    "futimesat": (261, None),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "memfd_create": (319, 279), "inotify_init1": (294, 26), "fanotify_init": (300, 262),
    # what goes round the others
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # the machine
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442), "bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "userfaultfd": (323, 282), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "personality": (135, 92),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180),
}  # fmt: skip
_CLONE, _CLONE3, _TGKILL = (56, 220), (435, 435), (234, 131)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run may take.

    Attributes:
        memory: Bytes of address space.
        cpu_s: Seconds of processor time.
        files: Open files.
        file_size: Bytes of any file it writes; the error output is the only one it has.
        wall_s: Seconds until the parent ends it.
    """

    memory: int = 3 << 30
    cpu_s: int = 600
    files: int = 64
    file_size: int = 64 << 10
    wall_s: float = 900.0


def limit_resources(limits: Limits) -> tuple[str, ...]:
    """Set the limits, leave the network, be nice, and die with the parent; before any large library is loaded.

    Returns:
        What holds from now on: ``limits``, and ``netns`` where the kernel permits it.
    """
    libc = _libc()
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_size, limits.file_size))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.files, limits.files))
    # A user namespace can only be made while there is a single thread.
    return ("limits", "netns") if _leave_network(libc) else ("limits",)


def confine() -> tuple[str, ...]:
    """Confine this process for the rest of its life; names what holds of ``nobody`` and ``seccomp``."""
    libc = _libc()
    holds = []
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        holds.append("nobody")
        # Another user's death signal is forgotten by the kernel; ask for it again.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and _set_filter(libc):
        holds.append("seccomp")
    return tuple(holds)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _leave_network(libc: ctypes.CDLL) -> bool:
    """Move to an empty network: directly as root, else inside a user namespace where those are permitted."""
    return any(libc.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))


def make_filter(machine: str, own_pid: int) -> bytes | None:
    """The filter as the kernel takes it, or None for an architecture that it was not written for."""
    if machine not in _ARCHITECTURES:
        return None
    audit_arch, column = _ARCHITECTURES[machine]
    refused = sorted(number for pair in _REFUSED.values() if (number := pair[column]) is not None)
    program = [
        _load(_ARCH),
        _jump_equal(audit_arch, 1, 0),
        _give(_KILL_PROCESS),
        _load(_NR),
    ]
    if column == 0:
        # The x32 numbers are the same calls under other numbers.
        program += [_jump_at_least(0x40000000, 0, 1), _give(_KILL_PROCESS)]
    for number in refused:
        program += [_jump_equal(number, 0, 1), _give(_ERRNO | _EPERM)]
    # The C library falls back from clone3, whose flags no filter can see, to clone.
    program += [_jump_equal(_CLONE3[column], 0, 1), _give(_ERRNO | _ENOSYS)]
    # A thread of this process may be made, another process not.
    program += [_jump_equal(_CLONE[column], 0, 4), _load(_ARG0), _jump_any(CLONE_THREAD, 1, 0)]
    program += [_give(_ERRNO | _EPERM), _give(_ALLOW)]
    # abort() signals its own process; nobody else's.
    program += [_jump_equal(_TGKILL[column], 0, 3), _load(_ARG0), _jump_equal(own_pid, 1, 0), _give(_ERRNO | _EPERM)]
    program.append(_give(_ALLOW))
    return b"".join(program)


def _set_filter(libc: ctypes.CDLL) -> bool:
    program = make_filter(platform.machine(), os.getpid())
    if program is None:
        return False
    text = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(text))
    return int(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0)) == 0


def _statement(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _load(offset: int) -> bytes:
    return _statement(0x20, offset)


def _jump_equal(value: int, yes: int, no: int) -> bytes:
    return _statement(0x15, value, yes, no)


def _jump_at_least(value: int, yes: int, no: int) -> bytes:
    return _statement(0x35, value, yes, no)


def _jump_any(bits: int, yes: int, no: int) -> bytes:
    return _statement(0x45, bits, yes, no)


def _give(action: int) -> bytes:
    return _statement(0x06, action)
