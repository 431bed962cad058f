"""What `docker build -f DOCKERFILE .` in the root of the repository sends to Docker: the files that DOCKERFILE.dockerignore,
or else .dockerignore, leaves. Used by scripts/test-dockerfile, and by a test that configures what a Dockerfile copies.

    python3 scripts/docker_context.py DOCKERFILE FOLDER     copies them to FOLDER
"""
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Ignored:
    """The rules of a .dockerignore: the last pattern that matches a path, or a folder above it, decides."""

    def __init__(self, text):
        lines = [line.strip() for line in text.splitlines()]
        self.patterns = [(line.startswith('!'), line.lstrip('!').strip().strip('/'))
                         for line in lines if line and not line.startswith('#')]
        self.rules = [(keeps, re.compile(expression(pattern))) for keeps, pattern in self.patterns]

    def __contains__(self, path):
        ignored = False
        for keeps, rule in self.rules:
            if ignored == keeps and rule.fullmatch(path):
                ignored = not keeps
        return ignored

    def hides(self, folder):
        """Whether nothing below an ignored folder can be kept."""
        return folder in self and not any(
            keeps and (pattern.startswith('**') or pattern.startswith(f'{folder}/')) for keeps, pattern in self.patterns)


def expression(pattern):
    """Of paths that a pattern matches, and of those below them."""
    parts = {'**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]'}
    tokens = re.findall(r'\*\*/|\*\*|\*|\?|[^*?]+', pattern)
    return ''.join(parts.get(token) or re.escape(token) for token in tokens) + '(?:/.*)?'


def instructions(dockerfile):
    """Word and rest of each instruction; comments go, continued lines are joined."""
    lines = [line for line in Path(dockerfile).read_text().splitlines() if line.strip() and not line.lstrip().startswith('#')]
    return [tuple(line.split(maxsplit=1)) for line in '\n'.join(lines).replace('\\\n', '').splitlines()]


def send(dockerfile, folder, root=ROOT):
    own, common = Path(root, f'{dockerfile}.dockerignore'), Path(root, '.dockerignore')
    ignored = Ignored(next((path.read_text() for path in (own, common) if path.exists()), ''))

    def copy(source):
        for path in sorted(source.iterdir()):
            name = path.relative_to(root).as_posix()
            if path.is_dir() and not path.is_symlink():
                if not ignored.hides(name):
                    copy(path)
            elif name not in ignored:
                target = Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target, follow_symlinks=False)

    copy(Path(root))


if __name__ == '__main__':
    send(*sys.argv[1:])
