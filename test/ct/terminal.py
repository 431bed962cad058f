#!/usr/bin/env python3
"""A person at a terminal: an interactive bash, in which `rancher_cnode exec` runs a command. Prints what failed, and ends
with 1, if job control, Ctrl-C or the modes of the terminal are not as without it.

  terminal.py PROGRAM
"""
import os
import pty
import select
import sys
import tempfile
import time

LIMIT_S = 90
COUNTS = """n=0
trap 'n=$((n+1)); echo interrupt-$n' INT
trap 'echo continued' CONT
echo begun
while [ $n -lt 3 ]; do sleep 0.05; done
exit 9
"""


class Terminal:
    def __init__(self):
        self.unread = ""
        child, self.descriptor = pty.fork()
        if child == 0:
            environment = dict(os.environ, PS1="prompt: ", TERM="dumb", CONTAINER_IP="10.42.0.7")
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)

    def say(self, text):
        os.write(self.descriptor, text.encode())

    def until(self, wanted):
        deadline = time.monotonic() + LIMIT_S
        while wanted not in self.unread:
            left = max(0, deadline - time.monotonic())
            if not select.select([self.descriptor], [], [], left)[0]:
                sys.exit(f"never came: {wanted!r}; last: {self.unread!r}")
            self.unread += os.read(self.descriptor, 4096).decode(errors="replace")
        seen, _, self.unread = self.unread.partition(wanted)
        return seen

    def modes(self):
        self.say("stty -a; echo en''d\n")
        seen = self.until("\nend")
        self.until("prompt: ")
        return seen[seen.index("speed"):].strip()


def check(what, expected, found):
    if expected != found:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


def main():
    program = sys.argv[1] + " exec -- "
    bash = Terminal()
    bash.until("prompt: ")
    before = bash.modes()

    with tempfile.NamedTemporaryFile("w") as script:
        script.write(COUNTS)
        script.flush()
        bash.say(program + f"sh {script.name} 2>/dev/null\n")
        bash.until("begun")
        bash.say("\x1a")
        bash.until("Stopped")
        bash.until("prompt: ")
        bash.say("fg\n")
        bash.until("continued")
        for count in range(1, 4):
            bash.say("\x03")
            bash.until(f"interrupt-{count}")
        check("after the last Ctrl-C", "", bash.until("prompt: ").strip())
    bash.say("echo status=$?\n")
    bash.until("status=9")
    bash.until("prompt: ")

    for command in ("true", "stty -echo; stty echo", "stty -echo -icanon; kill -KILL $$"):
        bash.say(program + f"sh -c '{command}' 2>/dev/null\n")
        bash.until("prompt: ")
        check(f"modes after {command!r}", before, bash.modes())


main()
