"""That the files which each Dockerfile copies are enough to configure the program, and what a .dockerignore leaves of them.
scripts/test-dockerfile follows the whole Dockerfile, which needs root and a mirror."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'scripts'))
import docker_context  # noqa: E402


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class Dockerfiles(Folder):
    def followed(self, dockerfile):
        """Where its first stage has its files, and what a COPY of any stage names that Docker does not have."""
        context, stage = self.folder / 'context', self.folder / 'stage'
        docker_context.send(dockerfile, context)
        workdir, stages, missing = Path('/'), 0, []
        for word, rest in docker_context.instructions(ROOT / dockerfile):
            stages += word == 'FROM'
            if word == 'WORKDIR':
                workdir = workdir / rest
            if word != 'COPY' or rest.startswith('--from'):
                continue
            *sources, target = rest.split()
            missing += [source for source in sources if not (context / source).exists()]
            if stages == 1:
                for source in sources:
                    self.copy(context / source, f'{stage}{workdir / target}' + '/' * (target[-1] in './'))
        return Path(f'{stage}{workdir}'), missing

    @staticmethod
    def copy(source, target):
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            (Path(target) if target.endswith('/') else Path(target).parent).mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)

    def configures(self, dockerfile):
        source, missing = self.followed(dockerfile)
        self.assertEqual(missing, [])
        # As it does, but that another preset needs a libcurl that takes minutes to build.
        command = re.search(r'cmake (--preset [^&]*)', (ROOT / dockerfile).read_text())[0]
        for given, version in [('v0.9.0-3-gabc1234', '0.9.0-3-gabc1234'), ('', r'\d+\.\d+\.\d+-unknown')]:
            done = subprocess.run(command.replace('--preset portable', '--preset release'), shell=True, cwd=source,
                                  capture_output=True, text=True, env=os.environ | {'VERSION': given})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex((source / 'build/release/version.txt').read_text(), f'^{version}$')
        installs = (source / 'build/release/cmake_install.cmake').read_text()
        files = re.findall(rf'"({re.escape(str(source))}/(?!build/)[^"]*)"', installs)
        self.assertIn(str(source / 'packaging/copyright'), files)
        self.assertEqual([file for file in files if not Path(file).exists()], [])

    def test_all_that_build_are_tested(self):
        tracked = subprocess.check_output(['git', '-C', ROOT, 'ls-files', '*Dockerfile'], text=True).split()
        building = [name for name in tracked if 'CMakeLists.txt' in (ROOT / name).read_text()]
        self.assertEqual(building, ['Dockerfile', 'examples/elixir_release/Dockerfile'])

    def test_what_that_of_the_portable_program_copies_is_configured(self):
        self.configures('Dockerfile')

    def test_what_that_of_the_example_copies_is_configured(self):
        self.configures('examples/elixir_release/Dockerfile')


class Context(Folder):
    def sent(self, files, ignored, own=None):
        root, context = self.folder / 'root', self.folder / 'context'
        for name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        (root / '.dockerignore').write_text(ignored)
        if own is not None:
            (root / 'Dockerfile.dockerignore').write_text(own)
        docker_context.send('Dockerfile', context, root)
        found = {path.relative_to(context).as_posix() for path in context.rglob('*') if path.is_file()}
        return found - {'.dockerignore', 'Dockerfile.dockerignore'}

    def test_the_last_pattern_that_matches_decides(self):
        files = ['a', 'b', 'c/d', 'c/_build/e', 'c/f/_build/g', 'h/i']
        for ignored, left in [
                ('', set(files)),
                ('*', set()),
                ('*\n!a\n!c', {'a', 'c/d', 'c/_build/e', 'c/f/_build/g'}),
                ('*\n!c\n**/_build', {'c/d'}),
                ('*\n!c/d', {'c/d'}),
                ('!a\n*', set()),
                ('# a\n\n/b\nc/', {'a', 'h/i'}),
                ('*/?', {'a', 'b', 'c/_build/e'}),
                ('*\n!**/g', {'c/f/_build/g'})]:
            with self.subTest(ignored):
                self.setUp()
                self.assertEqual(self.sent(files, ignored), left)

    def test_the_file_of_the_dockerfile_comes_before_the_common_one(self):
        self.assertEqual(self.sent(['a', 'b'], 'a', own='b'), {'a'})


if __name__ == '__main__':
    unittest.main()
