"""What scripts/install-hooks installs and refuses, and what the installed hook lets through."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Stands in for clang-format, which scripts/test does not need otherwise.
FORMATTER = """#!/bin/sh
for file; do case $file in --*|-*) ;; *) ! grep -q BADLY_FORMATTED "$file" || exit 1 ;; esac; done
"""


class Clone(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / 'clone'
        tools = Path(folder.name) / 'tools'
        tools.mkdir()
        (tools / 'clang-format-16').write_text(FORMATTER)
        (tools / 'clang-format-16').chmod(0o755)
        # Nothing of the user's git, nor of the commit that may have started this test.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith('GIT_')} | {
            'PATH': f'{tools}:{os.environ["PATH"]}', 'HOME': folder.name, 'GIT_CONFIG_NOSYSTEM': '1',
            'GIT_AUTHOR_NAME': 'a', 'GIT_AUTHOR_EMAIL': 'a@example.org',
            'GIT_COMMITTER_NAME': 'a', 'GIT_COMMITTER_EMAIL': 'a@example.org'}
        (self.root / 'scripts').mkdir(parents=True)
        for name in ('scripts/install-hooks', 'scripts/pre-commit', '.clang-format'):
            shutil.copy(ROOT / name, self.root / name)
        self.run_in(self.root, 'git', 'init', '-q')
        self.hook = self.root / '.git/hooks/pre-commit'
        self.assertTrue(self.commit()[0])

    def run_in(self, folder, *command):
        done = subprocess.run(command, cwd=folder, env=self.env, capture_output=True, text=True)
        return done.returncode == 0, done.stdout + done.stderr

    def install(self):
        return self.run_in(self.root, 'scripts/install-hooks')

    def commit(self, *options, folder=None):
        self.run_in(folder or self.root, 'git', 'add', '--all')
        return self.run_in(folder or self.root, 'git', 'commit', '-qm', 'Change', '--allow-empty', *options)

    def write(self, name, text, folder=None):
        ((folder or self.root) / name).write_text(text)


class Installing(Clone):
    def test_it_may_be_installed_again(self):
        self.assertTrue(self.install()[0])
        first = self.hook.read_text()
        self.assertTrue(self.install()[0])
        self.assertEqual(self.hook.read_text(), first)
        self.assertTrue(os.access(self.hook, os.X_OK))

    def test_a_foreign_hook_is_left_alone_with_one_line(self):
        self.hook.parent.mkdir(exist_ok=True)
        self.hook.write_text('#!/bin/sh\nexit 0\n')
        installed, output = self.install()
        self.assertFalse(installed)
        self.assertEqual(output.count('\n'), 1)
        self.assertIn(f'{self.hook} exists and is not ours', output)
        self.assertEqual(self.hook.read_text(), '#!/bin/sh\nexit 0\n')

    def test_a_dangling_link_is_a_foreign_hook(self):
        self.hook.parent.mkdir(exist_ok=True)
        self.hook.symlink_to('nowhere')
        self.assertFalse(self.install()[0])
        self.assertTrue(self.hook.is_symlink())

    def test_a_folder_of_hooks_that_git_is_configured_to_use_is_used(self):
        self.run_in(self.root, 'git', 'config', 'core.hooksPath', 'my/hooks')
        self.assertTrue(self.install()[0])
        self.assertTrue((self.root / 'my/hooks/pre-commit').exists())

    def test_a_tree_without_git_is_reported(self):
        shutil.rmtree(self.root / '.git')
        self.assertEqual(self.install(), (False, 'scripts/install-hooks: this is not a git checkout\n'))


class Committing(Clone):
    def setUp(self):
        super().setUp()
        self.assertTrue(self.install()[0])

    def test_clean_files_are_committed(self):
        self.write('a.cpp', 'int a;\n')
        self.write('a script', '#!/bin/sh\necho "$1"\n')
        self.assertEqual(self.commit(), (True, ''))

    def test_a_badly_formatted_source_is_refused_by_name(self):
        self.write('a.hpp', 'BADLY_FORMATTED\n')
        committed, output = self.commit()
        self.assertFalse(committed)
        self.assertIn('clang-format-16 -i a.hpp', output)

    def test_a_script_with_a_fault_is_refused_whatever_its_name(self):
        self.write('b', '#!/usr/bin/env bash\necho $1\n')
        committed, output = self.commit()
        self.assertFalse(committed)
        self.assertIn('SC2086', output)

    def test_what_is_staged_counts_not_what_the_file_contains_now(self):
        self.write('a.cpp', 'int a;\n')
        self.run_in(self.root, 'git', 'add', 'a.cpp')
        self.write('a.cpp', 'BADLY_FORMATTED\n')
        self.assertTrue(self.run_in(self.root, 'git', 'commit', '-qm', 'Staged')[0])
        self.assertFalse(self.run_in(self.root, 'git', 'commit', '-qam', 'All')[0])

    def test_files_that_the_commit_does_not_change_are_not_checked(self):
        self.write('a.cpp', 'BADLY_FORMATTED\n')
        self.assertTrue(self.commit('--no-verify')[0])
        self.write('b.cpp', 'int b;\n')
        (self.root / 'scripts/install-hooks').unlink()
        self.assertTrue(self.commit()[0])

    def test_a_worktree_is_checked_by_its_own_rules(self):
        other = self.root.parent / 'other'
        self.run_in(self.root, 'git', 'worktree', 'add', '-q', other)
        self.write('a.cpp', 'BADLY_FORMATTED\n', other)
        self.assertFalse(self.commit(folder=other)[0])
        (other / 'scripts/pre-commit').unlink()
        self.assertTrue(self.commit(folder=other)[0])


if __name__ == '__main__':
    unittest.main()
