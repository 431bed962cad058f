"""What version cmake/version.cmake finds, what it calls the build, and when it writes them anew."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.source = self.folder / 'source'
        self.source.mkdir()
        self.output = self.folder / 'version.cpp'
        self.template = self.folder / 'version.cpp.in'
        self.template.write_text('@RANCHER_CNODE_VERSION@\n')
        # Nothing of the user's git, nor of the commit that may have started this test.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith('GIT_')} | {
            'HOME': folder.name, 'GIT_CONFIG_NOSYSTEM': '1', 'GIT_AUTHOR_NAME': 'a', 'GIT_COMMITTER_NAME': 'a',
            'GIT_AUTHOR_EMAIL': 'a@example.org', 'GIT_COMMITTER_EMAIL': 'a@example.org'}

    def git(self, *arguments):
        return subprocess.run(['git', '-C', self.source, *arguments], env=self.env, check=True, capture_output=True,
                              text=True).stdout.strip()

    def commit(self):
        if not (self.source / '.git').exists():
            self.git('init', '-q')
        with open(self.source / 'file', 'a') as file:
            file.write('more\n')
        self.git('add', '--all')
        self.git('commit', '-qm', 'Change')
        return self.git('rev-parse', '--short', 'HEAD')

    def version(self, source=None, given=''):
        subprocess.run(['cmake', '-D', f'SOURCE={source or self.source}', '-D', 'FALLBACK=0.1.0', '-D', f'GIVEN={given}', '-D',
                        f'TEMPLATE={self.template}', '-D', f'OUTPUT={self.output}', '-P', ROOT / 'cmake/version.cmake'],
                       env=self.env, check=True, capture_output=True)
        return self.output.read_text().strip()

    def test_a_tree_without_git_does_not_pass_for_a_release(self):
        self.assertEqual(self.version(), '0.1.0-unknown')

    def test_what_git_says_elsewhere_can_be_given(self):
        for given, version in [('v0.2.0', '0.2.0'), ('v0.2.0-5-gabc1234', '0.2.0-5-gabc1234'), ('0.2.0', '0.2.0'),
                               ('v0.2.0-dirty', '0.2.0-dirty'), ('12e4567', '0.1.0-g12e4567'), ('abc1234', '0.1.0-gabc1234')]:
            self.assertEqual(self.version(given=given), version)

    def test_what_is_given_comes_before_what_the_tree_says(self):
        self.commit()
        self.assertEqual(self.version(given='v0.2.0'), '0.2.0')
        unpacked, _ = self.archived()
        self.assertEqual(self.version(unpacked, given='v0.2.0'), '0.2.0')

    def test_a_tree_without_git_inside_another_checkout_is_not_taken_for_it(self):
        self.commit()
        self.git('tag', 'v9.9.9')
        (self.source / 'unpacked').mkdir()
        self.assertEqual(self.version(self.source / 'unpacked'), '0.1.0-unknown')

    def test_git_that_refuses_the_checkout_is_as_no_git(self):
        (self.source / '.git').write_text('gitdir: /nowhere\n')
        self.assertEqual(self.version(), '0.1.0-unknown')

    def test_a_machine_without_git_does_not_know_the_commit(self):
        self.commit()
        tools = self.folder / 'tools'
        tools.mkdir()
        (tools / 'cmake').symlink_to(subprocess.check_output(['sh', '-c', 'command -v cmake'], text=True).strip())
        self.env['PATH'] = str(tools)
        self.assertEqual(self.version(), '0.1.0-unknown')

    def test_without_a_tag_it_is_the_version_of_the_project_and_the_commit(self):
        commit = self.commit()
        self.git('tag', 'no-version')
        self.assertEqual(self.version(), f'0.1.0-g{commit}')

    def test_a_tagged_commit_has_its_tag_and_later_ones_their_distance(self):
        self.commit()
        self.git('tag', 'v0.2.0')
        self.assertEqual(self.version(), '0.2.0')
        commit = self.commit()
        self.assertEqual(self.version(), f'0.2.0-1-g{commit}')

    def test_uncommitted_changes_show(self):
        self.commit()
        self.git('tag', 'v0.2.0')
        (self.source / 'file').write_text('other\n')
        self.assertEqual(self.version(), '0.2.0-dirty')

    def test_a_shallow_clone_has_at_least_the_commit(self):
        self.commit()
        self.git('tag', 'v0.2.0')
        commit = self.commit()
        clone = self.folder / 'clone'
        self.git('clone', '-q', '--depth', '1', f'file://{self.source}', clone)
        self.assertEqual(self.version(clone), f'0.1.0-g{commit}')

    def archived(self, tag=None):
        (self.source / 'cmake').mkdir(exist_ok=True)
        for name in ['.gitattributes', 'cmake/archived_version.txt']:
            (self.source / name).write_text((ROOT / name).read_text())
        commit = self.commit()
        if tag:
            self.git('tag', tag)
        unpacked = self.folder / 'unpacked'
        unpacked.mkdir()
        archive = self.folder / 'archive.tar'
        self.git('archive', '-o', archive, 'HEAD')
        subprocess.run(['tar', '-xf', archive, '-C', unpacked], check=True)
        return unpacked, commit

    def test_an_archive_has_the_version_and_the_commit_without_git(self):
        self.commit()
        self.git('tag', 'v0.2.0')
        unpacked, commit = self.archived()
        self.assertEqual(self.version(unpacked), f'0.2.0-1-g{commit}')

    def test_an_archive_without_a_tag_has_the_version_of_the_project_and_the_commit(self):
        unpacked, commit = self.archived()
        self.assertEqual(self.version(unpacked), f'0.1.0-g{commit}')

    def test_an_archive_of_a_release_is_that_release(self):
        self.commit()
        unpacked, _ = self.archived(tag='v0.2.0')
        self.assertEqual(self.version(unpacked), '0.2.0')

    def test_a_copy_of_the_files_does_not_pass_for_a_release(self):
        (self.source / 'cmake').mkdir()
        (self.source / 'cmake/archived_version.txt').write_text((ROOT / 'cmake/archived_version.txt').read_text())
        self.assertEqual(self.version(), '0.1.0-unknown')

    def test_a_worktree_has_its_own_commit(self):
        self.commit()
        self.git('worktree', 'add', '-q', self.folder / 'other')
        first, _ = self.version(self.folder / 'other'), self.commit()
        self.assertEqual(self.version(self.folder / 'other'), first)
        self.assertNotEqual(self.version(), first)

    def test_the_file_is_written_anew_only_when_head_has_moved(self):
        self.commit()
        self.version()
        os.utime(self.output, (1, 1))
        self.version()
        self.assertEqual(self.output.stat().st_mtime, 1)
        self.commit()
        self.version()
        self.assertNotEqual(self.output.stat().st_mtime, 1)


class Build(unittest.TestCase):
    def build(self, words):
        with tempfile.TemporaryDirectory() as folder:
            template, output = Path(folder) / 'build.in', Path(folder) / 'build'
            template.write_text('@RANCHER_CNODE_BUILD@')
            subprocess.run(['cmake', '-D', f'SOURCE={folder}', '-D', 'FALLBACK=0.1.0', '-D', f'BUILD={words}', '-D',
                            f'TEMPLATE={template}', '-D', f'OUTPUT={output}', '-P', ROOT / 'cmake/version.cmake'],
                           check=True, capture_output=True)
            return output.read_text().strip()

    def test_the_build_is_one_word(self):
        for words, word in [('Release x86_64 GNU 12.2.0  ', 'release-x86_64-gcc-12.2.0'),
                            ('Release aarch64 GNU 12.2.0 portable ', 'release-aarch64-gcc-12.2.0-portable'),
                            ('Debug x86_64 Clang 16.0.6  address,undefined', 'debug-x86_64-clang-16.0.6-address-undefined'),
                            (' x86_64 GNU 15.0.0-rc1 "+$;', 'x86_64-gcc-15.0.0-rc1'), ('', '')]:
            with self.subTest(words):
                self.assertEqual(self.build(words), word)


class OneVersion(unittest.TestCase):
    """That of the program, which CMakeLists.txt has, is also the library's, in everything that names it."""

    def setUp(self):
        self.version = re.search(r'^project\(\w+ VERSION (\S+)', (ROOT / 'CMakeLists.txt').read_text(), re.MULTILINE)[1]

    def named(self, pattern, *files):
        """What the pattern finds in these files, each once."""
        found = set()
        for file in files:
            matches = re.findall(pattern, (ROOT / file).read_text())
            self.assertTrue(matches, f'nothing like {pattern} in {file}')
            found.update(matches)
        return found

    def test_the_erlang_application_has_it(self):
        self.assertEqual(self.named(r'{vsn, "(.*)"}', 'erlang/src/rancher_cnode.app.src'), {self.version})

    def test_the_folder_of_the_application_in_a_release_has_it(self):
        self.assertEqual(self.named(r'rancher_cnode-(\d[\d.]*)/', 'erlang/README.md'), {self.version})

    def test_the_requirements_of_the_library_allow_it(self):
        wanted = self.named(r'rancher_cnode, "~> ([\d.]+)"', 'erlang/README.md')
        self.assertEqual(wanted, {'.'.join(self.version.split('.')[:2])})

    def test_a_first_release_that_is_to_come_is_of_it(self):
        for changelog in ['CHANGELOG.md', 'erlang/CHANGELOG.md']:
            to_come = re.search(r'^## \[Unreleased\]$(.*?)(?=^## |\Z)', (ROOT / changelog).read_text(), re.M | re.S)[1]
            self.assertIn(re.findall(r'First release \((.*)\)', to_come), [[], [self.version]], changelog)


if __name__ == '__main__':
    unittest.main()
