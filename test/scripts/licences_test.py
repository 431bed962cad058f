"""That what is compiled into the program is passed on with its licence: by cmake/install_licences.cmake, and in
packaging/copyright. scripts/test-package looks for the words of each licence in what it packs."""
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COMPILED_IN = {'erlang-dev', 'libboost1.81-dev', 'rapidjson-dev', 'libcli11-dev', 'libexpected-dev'}
LINKED = {'libcurl4-openssl-dev', 'libssl-dev', 'libc-ares-dev', 'libc6-dev', 'libstdc++-12-dev'}
COMMON = {'Apache-2.0', 'CC0-1.0', 'GPL-3', 'LGPL-2.1'}


class Licences(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / 'common').mkdir()
        for package in COMPILED_IN | LINKED:
            (self.folder / 'doc' / package).mkdir(parents=True)
            self.copyright_of(package).write_text(f'Copyright of {package}; [all]\n')
        self.copyright_of('libboost1.81-dev').write_text(
            'License: BSL-1.0\nComment: much\n\nLicense: BSL-1.0\n Boost Software License\n .\n AS IS\n\nLicense: more\n')
        for name in COMMON:
            (self.folder / 'common' / name).write_text(f'Text of {name}\n')

    def copyright_of(self, package):
        return self.folder / 'doc' / package / 'copyright'

    def written(self, portable):
        file = self.folder / 'THIRD-PARTY.txt'
        settings = {'licences': file, 'portable': portable, 'boost': '1.81', 'gcc': '12',
                    'doc': self.folder / 'doc', 'common': self.folder / 'common'}
        self.said = subprocess.run(
            ['cmake', *[f'-D{name}={value}' for name, value in settings.items()], '-P', ROOT / 'cmake/install_licences.cmake'],
            capture_output=True, text=True, check=True).stderr
        return file.read_text()

    def test_the_package_has_those_that_are_compiled_in(self):
        written = self.written('OFF')
        self.assertEqual(set(re.findall(r'=== (\S+) ===', written)), COMPILED_IN)
        self.assertEqual(set(re.findall(r'Copyright of (\S+); \[all\]', written)), COMPILED_IN - {'libboost1.81-dev'})

    def test_the_portable_program_has_all_and_the_texts_that_every_debian_has(self):
        written = self.written('ON')
        self.assertEqual(set(re.findall(r'=== (\S+) ===', written)), COMPILED_IN | LINKED)
        self.assertEqual(set(re.findall(r'^Text of (\S+)$', written, re.MULTILINE)), COMMON)
        self.assertEqual(self.said, '')

    def test_of_boost_only_its_own_licence_is_taken(self):
        written = self.written('OFF')
        self.assertIn('\nLicense: BSL-1.0\n Boost Software License\n .\n AS IS\n\n', written)
        self.assertNotIn('much', written)
        self.assertNotIn('more', written)

    def test_a_licence_that_this_machine_lacks_is_a_warning(self):
        self.copyright_of('rapidjson-dev').unlink()
        self.assertEqual(set(re.findall(r'=== (\S+) ===', self.written('OFF'))), COMPILED_IN - {'rapidjson-dev'})
        self.assertIn('lacks the licence of rapidjson-dev', self.said)


class Copyright(unittest.TestCase):
    """packaging/copyright, by Debian's format of it."""

    def setUp(self):
        self.paragraphs = [dict(re.findall(r'^(\S+):\s*(.*(?:\n[ \t].*)*)', paragraph, re.MULTILINE))
                           for paragraph in (ROOT / 'packaging/copyright').read_text().split('\n\n')]

    def test_it_names_each_package_that_is_compiled_in(self):
        comments = ' '.join(paragraph.get('Comment', '') for paragraph in self.paragraphs if 'Files' in paragraph)
        for package in COMPILED_IN:
            self.assertIn(re.sub(r'\d.*-', '-', package) if 'boost' in package else package, comments)

    def test_each_licence_has_its_text_and_each_text_is_used(self):
        used = {paragraph['License'] for paragraph in self.paragraphs if 'Files' in paragraph}
        texts = [paragraph['License'] for paragraph in self.paragraphs if set(paragraph) == {'License'}]
        self.assertEqual({text.split('\n')[0] for text in texts}, used)
        self.assertTrue(all('\n' in text for text in texts))

    def test_each_paragraph_of_files_has_a_holder(self):
        for paragraph in self.paragraphs[1:]:
            self.assertTrue(paragraph.get('Copyright') or 'Files' not in paragraph, paragraph)


if __name__ == '__main__':
    unittest.main()
