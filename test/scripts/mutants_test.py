"""What scripts/mutants changes in a source, and what it leaves alone."""
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'scripts'))
from cpp_mutations import Mutator  # noqa: E402


def mutated(source):
    return [source[:start] + new + source[end:] for start, end, new in Mutator(source).mutations()]


def body(statements):
    return 'void f() { ' + statements + ' }'


class MutationsOfASource(unittest.TestCase):
    def changes(self, statements, *expected):
        self.assertEqual(sorted(mutated(body(statements))), sorted(body(each) for each in expected))

    def test_a_comparison_and_its_bound_change(self):
        self.changes('x = a < b;', 'x = a <= b;', '{}')
        self.changes('x = a >= b;', 'x = a > b;', '{}')
        self.changes('x = a == b;', 'x = a != b;', '{}')
        self.changes('x = std::min(a, b);', 'x = std::max(a, b);', '{}')

    def test_a_condition_is_negated(self):
        self.changes('if (a < b && c) g();', 'if (a <= b && c) g();', 'if (a < b || c) g();',
                     'if (!(a < b && c)) g();', 'if (a < b && c) {}')
        self.changes('if (!a) g();', 'if (a) g();', 'if (!a) {}')
        self.changes('if (auto a = b; a) g();', 'if (auto a = b; !(a)) g();', 'if (auto a = b; a) {}')
        self.changes('if (auto a = b) g();', 'if (auto a = b) {}')

    def test_the_branches_of_a_condition_are_swapped(self):
        self.changes('auto x = a ? b(c) : d;', 'auto x = a ? d : b(c);')
        self.changes('if (a) { g(); } else { h(); }', 'if (!(a)) { g(); } else { h(); }',
                     'if (a) { {} } else { h(); }', 'if (a) { g(); } else { {} }')

    def test_statements_are_dropped_but_no_declarations(self):
        self.changes('a.b()->c[d] = e; ++i; g(i); f<T>(x);', '{} ++i; g(i); f<T>(x);',
                     'a.b()->c[d] = e; {} g(i); f<T>(x);', 'a.b()->c[d] = e; ++i; {} f<T>(x);')
        self.changes('const Foo a = b; Foo& c(d); using X = Y; std::vector<int> e{f};')
        self.changes('switch (a) { case B::c: g(); break; default: h(); }',
                     'switch (a) { case B::c: {} break; default: h(); }',
                     'switch (a) { case B::c: g(); {} default: h(); }',
                     'switch (a) { case B::c: g(); break; default: {} }')
        self.assertEqual(mutated('class A { A(); A& g(B); int c; };'), [])

    def test_early_returns_are_dropped_but_not_the_last(self):
        self.changes('if (a) return; return g(b);', 'if (!(a)) return; return g(b);', 'if (a) {} return g(b);')
        self.changes('while (a) { return b; }', 'while (a) { {} }')

    def test_constants_and_units_change(self):
        self.changes("return g(1'024, 5s);", 'return g(1025, 5s);', 'return g(10240, 5s);', "return g(1'024, 6s);",
                     "return g(1'024, 50s);")
        self.changes('return g(0, 1U, 0x20, 0.5);', 'return g(1, 1U, 0x20, 0.5);', 'return g(0, 0U, 0x20, 0.5);',
                     'return g(0, 2U, 0x20, 0.5);', 'return g(0, 1U, 33, 0.5);', 'return g(0, 1U, 0x20, 5.0);')
        self.changes('return std::chrono::seconds(a);', 'return std::chrono::minutes(a);')
        self.changes('return true;', 'return false;')

    def test_comments_texts_and_what_the_compiler_asserts_are_left_alone(self):
        for source in ('// a < b; 1\n', '/* if (a) return;\n 5s */', '#define A \\\n  (1 < 2)\n', '#include <5/a>\n',
                       'const char* a = "if (a < 1) \\" return 2;";', 'const char* a = R"(1 " < 2)";',
                       'const char* a = R"x(1 )" < 2)x";', "const char a = '1';", 'static_assert(sizeof(A) < 5, "1");',
                       'template <typename T> std::vector<T> a();', 'bool operator==(const A& a, A&& b) const;'):
            self.assertEqual(mutated(source), [], source)

    def test_one_seed_gives_the_same_mutations_again(self):
        def listed(seed):
            command = [ROOT / 'scripts' / 'mutants', '--list', '--seed', seed, 'c_src/log/log.cpp']
            return subprocess.run(command, check=True, text=True, capture_output=True, cwd=ROOT).stdout

        self.assertEqual(listed('7'), listed('7'))
        self.assertNotEqual(listed('7').splitlines()[1:], listed('8').splitlines()[1:])


if __name__ == '__main__':
    unittest.main()
