"""packaging/rancher_cnode@.service: what systemd says about it, and that docs/in-your-release.md is right about it."""
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
UNIT = ROOT / 'packaging/rancher_cnode@.service'


class Service(unittest.TestCase):
    def setUp(self):
        self.text = UNIT.read_text()
        self.page = re.search(r'^## systemd$(.*?)(?=^## )', (ROOT / 'docs/in-your-release.md').read_text() + '\n## ', re.M | re.S)

    def setting(self, name):
        return re.search(rf'^{name}=(.*)$', self.text, re.MULTILINE)[1]

    @unittest.skipUnless(shutil.which('systemd-analyze'), 'needs systemd')
    def test_systemd_understands_it(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, UNIT.name.replace('@', '@app'))
            copy.write_text(self.text.replace(self.setting('ExecStart').split()[0], shutil.which('true')))
            done = subprocess.run(['systemd-analyze', 'verify', '--man=no', copy], capture_output=True, text=True)
        said = [line for line in done.stderr.splitlines() if 'rancher_cnode' in line]
        self.assertEqual((done.returncode, said), (0, []))

    def test_each_user_has_a_folder_where_the_state_can_be_written(self):
        self.assertEqual(self.setting('ProtectSystem'), 'strict')
        self.assertEqual(self.setting('StateDirectory'), 'rancher_cnode/%i')
        self.assertIn('RANCHER_CNODE_STATE_FILE=/var/lib/rancher_cnode/myapp/', self.page[1])

    def test_the_page_says_where_settings_go_and_how_it_is_enabled(self):
        self.assertIn(self.setting('EnvironmentFile').removeprefix('-').replace('%i', 'myapp'), self.page[1])
        self.assertIn('systemctl enable --now rancher_cnode@myapp', self.page[1])
        self.assertIn('systemctl status rancher_cnode@myapp', self.page[1])


if __name__ == '__main__':
    unittest.main()
