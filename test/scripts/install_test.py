"""What scripts/install asks apt for, and when; and that the demo asks first, and not for what only tests need."""
import os
import pty
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ALONE = ['unshare', '--mount'] if os.geteuid() == 0 else ['unshare', '--user', '--map-root-user', '--mount']
NOTHING = 'nothing is installed without a terminal to ask at'


class Install(unittest.TestCase):
    """With stand-ins for dpkg-query and apt-get, on another Debian release."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / 'bin').mkdir()
        self.calls = self.folder / 'calls'
        self.calls.touch()
        self.installed()
        self.program('apt-get', f'echo "$@" >>{self.calls}; echo "0 upgraded, 7 newly installed, 0 to remove."')

    def program(self, name, script):
        path = self.folder / 'bin' / name
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o755)

    def installed(self, *packages):
        self.program('dpkg-query', '\n'.join(f'echo "{package}:amd64 installed"' for package in packages))

    def run_on(self, codename, *command, answer=None):
        release = self.folder / 'os-release'
        release.write_text(f'ID=debian\nVERSION_CODENAME={codename}\n')
        command = [*ALONE, 'sh', '-ec', 'mount --bind "$0" /etc/os-release; exec "$@"', release, *command]
        terminal = None
        if answer is not None:
            terminal, stdin = pty.openpty()
            os.write(terminal, f'{answer}\n'.encode())
        done = subprocess.run(command, cwd=ROOT, stdin=stdin if terminal else subprocess.DEVNULL, capture_output=True,
                              text=True, env=os.environ | {'PATH': f'{self.folder}/bin:{os.environ["PATH"]}'})
        for descriptor in [terminal, stdin] if terminal else []:
            os.close(descriptor)
        return done.returncode, done.stdout + done.stderr

    def asked_of_apt(self):
        """Whether it was to be done, and the packages, of each `apt-get install`."""
        calls = [line.split() for line in self.calls.read_text().splitlines()]
        return [('-s' not in call, {word for word in call if not word.startswith('-')} - {'install'})
                for call in calls if 'install' in call]

    def test_each_release_has_its_name_of_boost(self):
        for codename, boost in [('bookworm', 'libboost1.81-dev'), ('trixie', 'libboost-dev'), ('forky', 'libboost-dev')]:
            self.calls.write_text('')
            self.assertEqual(self.run_on(codename, 'scripts/install', 'build')[0], 0)
            [(done, packages)] = self.asked_of_apt()
            self.assertTrue(done)
            self.assertEqual({package for package in packages if 'boost' in package}, {boost})

    def test_only_what_is_missing_is_installed(self):
        self.installed('gzip', 'file', 'binutils')
        self.assertEqual(self.run_on('trixie', 'scripts/install', 'package')[0], 0)
        self.assertEqual(self.asked_of_apt(), [(True, {'dpkg-dev', 'lintian'})])

    def test_apt_is_left_alone_when_nothing_is_missing(self):
        self.installed('debootstrap')
        self.assertEqual(self.run_on('trixie', 'scripts/install', 'image'), (0, ''))
        self.assertEqual(self.calls.read_text(), '')

    def test_an_unknown_group_is_refused(self):
        status, output = self.run_on('trixie', 'scripts/install', 'images')
        self.assertEqual(status, 1)
        self.assertIn("unknown group 'images'", output)

    def test_a_question_is_answered_with_yes_before_something_is_installed(self):
        for answer, installs in [('n', False), ('', False), ('y', True)]:
            self.calls.write_text('')
            status, output = self.run_on('trixie', 'scripts/install', '--ask', 'image', answer=answer)
            self.assertIn('These packages are missing: debootstrap', output)
            self.assertIn('7 newly installed', output)
            self.assertEqual((status == 0, any(done for done, _ in self.asked_of_apt())), (installs, installs))

    def test_without_a_terminal_nothing_is_installed(self):
        status, output = self.run_on('trixie', 'scripts/install', '--ask', 'image')
        self.assertEqual(status, 1)
        self.assertIn(NOTHING, output)
        self.assertEqual([done for done, _ in self.asked_of_apt()], [False])

    def test_the_demo_asks_and_only_for_what_it_needs(self):
        status, output = self.run_on('bookworm', 'scripts/demo')
        self.assertEqual(status, 1)
        self.assertIn(NOTHING, output)
        [(done, packages)] = self.asked_of_apt()
        self.assertFalse(done)
        self.assertIn('libcurl4-openssl-dev', packages)
        for package in ['doctest-dev', 'erlang-common-test', 'elixir', 'rebar3', 'python3', 'chromium', 'shellcheck']:
            self.assertNotIn(package, packages)


class Page(unittest.TestCase):
    def test_the_page_of_compatibility_names_what_the_program_is_built_with(self):
        page = (ROOT / 'docs/compatibility.md').read_text()
        building = page[page.index('### Building'):page.index('### Measurements')]
        [known] = re.findall(r'^readonly known=\((.*)\)$', (ROOT / 'scripts/test-builds').read_text(), re.MULTILINE)
        for name in known.split():
            self.assertIn(name, building)
        [clang] = re.findall(r'^readonly clang_packages=\((.*)-(.*)\)$', (ROOT / 'scripts/install').read_text(), re.MULTILINE)
        self.assertIn(' '.join(clang), building)
        [releases] = re.findall(r'^#   build, .*  (Debian .*)$', (ROOT / 'scripts/install').read_text(), re.MULTILINE)
        self.assertEqual(releases, 'Debian 12, 13 and sid')
        self.assertIn(f'On {releases.replace(" and ", " or ")}', (ROOT / 'README.md').read_text())


if __name__ == '__main__':
    unittest.main()
