"""Holds the main thread of the process PID, and no other, until the process ends: `hold_thread.py PID`."""
import ctypes
import os
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, pid):
    if libc.ptrace(request, pid, None, None) != 0:
        sys.exit("ptrace: " + os.strerror(ctypes.get_errno()))


pid = int(sys.argv[1])
ptrace(PTRACE_SEIZE, pid)
ptrace(PTRACE_INTERRUPT, pid)
status = os.waitpid(pid, WALL)[1]
print("held", flush=True)
while os.WIFSTOPPED(status):
    status = os.waitpid(pid, WALL)[1]
