"""Types each text and a tab in an interactive zsh on a terminal of its own, and prints what the line has become.

  type_in_zsh.py FOLDER_OF_ZSHRC TEXT...     (its zshrc prints READY in zle-line-init)
"""
import os
import pty
import select
import sys

LIMIT_S = 120
NOTE = b'\x18'


class Shell:
    def __init__(self, folder):
        self.output = b''
        process, self.terminal = pty.fork()
        if process == 0:
            os.environ['ZDOTDIR'] = folder
            os.execvp('zsh', ['zsh', '-d', '-i'])

    def until(self, word):
        while word not in self.output:
            if not select.select([self.terminal], [], [], LIMIT_S)[0]:
                sys.exit(f'no {word} in {self.output}')
            self.output += os.read(self.terminal, 4096)
        before, self.output = self.output.split(word, 1)
        return before


shell = Shell(sys.argv[1])
shell.until(b'READY')
for text in sys.argv[2:]:
    os.write(shell.terminal, text.encode() + b'\t' + NOTE)
    shell.until(b'<<')
    print(shell.until(b'>>').decode())
os.write(shell.terminal, b'exit\n')
