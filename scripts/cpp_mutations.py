"""The mutations that scripts/mutants makes of a C++ source, found by its tokens alone: no types, no preprocessor. Some
do not compile."""
import re
from typing import NamedTuple

TOKEN = re.compile(r'''
    (?P<skipped> //[^\n]* | /\*.*?\*/ | ^[ \t]*\#(?:\\\n|[^\n])* )
  | (?P<text> (?:u8|[uUL])?(?: R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)" | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' ) )
  | (?P<number> \.?\d(?:[eEpP][+-]|'?[\w.])* )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<sign> <=>|<<=|>>=|->|::|\+\+|--|<<|>>|&&|\|\||[-+*/%&|^<>=!]=|\S )''', re.VERBOSE | re.MULTILINE | re.DOTALL)
SWAPPED = {'<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==', '&&': '||', '||': '&&',
           'true': 'false', 'false': 'true'}
OTHER_UNIT = {'milliseconds': 'seconds', 'seconds': 'minutes', 'minutes': 'hours', 'hours': 'minutes'}
ASSIGNMENTS = {'=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>='}
NO_CALL = {'if', 'for', 'while', 'switch', 'catch', 'return', 'throw', 'sizeof', 'alignas', 'decltype', 'operator'}
CLOSING = {'(': ')', '[': ']', '{': '}'}


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class Mutation(NamedTuple):
    start: int
    end: int
    new: str


def tokens_of(source):
    tokens = [Token(found.lastgroup, found[0], found.start(), found.end()) for found in TOKEN.finditer(source)]
    tokens = [token._replace(kind='text') if token.kind == 'mark' else token for token in tokens]
    return [token for token in tokens if token.kind != 'skipped']


class Mutator:
    """All mutations of one source."""

    def __init__(self, source):
        self.source = source
        self.tokens = tokens_of(source)
        self.texts = [token.text for token in self.tokens] + ['']  # the end
        self.scopes = self._scopes()

    def mutations(self):
        found = []
        position = 0
        while position < len(self.tokens):
            if self.texts[position] == 'static_assert':
                position = self._end_of_statement(position)
            else:
                found += self._at(position)
            position += 1
        return sorted(set(found))

    def _at(self, i):
        token, before, after = self.tokens[i], self.texts[i - 1] if i else '', self.texts[i + 1]
        if token.kind == 'text' or before == 'operator':
            return
        if token.kind == 'number':
            yield from (self._replace(i, i, new) for new in other_numbers(token.text))
        elif token.text in SWAPPED and (token.kind == 'word' or self._is_binary(token)):
            yield self._replace(i, i, SWAPPED[token.text])
        elif token.text in OTHER_UNIT and self.texts[i - 2:i] == ['chrono', '::']:
            yield self._replace(i, i, OTHER_UNIT[token.text])
        elif token.text in ('min', 'max') and self.texts[i - 2:i] == ['std', '::'] and after in '(<':
            yield self._replace(i, i, 'max' if token.text == 'min' else 'min')
        elif token.text == '!':
            yield self._replace(i, i, '')
        elif token.text == '?':
            yield from self._swapped_branches(i)
        elif token.text == 'if' and after == '(':
            yield from self._negated_condition(i + 1)
        if self._begins_statement(i) and self._may_be_dropped(i):
            yield self._replace(i, self._end_of_statement(i), '{}')

    def _replace(self, first, last, new):
        return Mutation(self.tokens[first].start, self.tokens[last].end, new)

    def _text(self, first, last):
        return self.source[self.tokens[first].start:self.tokens[last].end]

    def _is_binary(self, token):
        """Blanks on both sides, by which the formatter tells a comparison from a template and && from a reference."""
        return self.source[token.start - 1].isspace() and self.source[token.end:token.end + 1].isspace()

    def _close(self, i):
        """The place of the bracket that closes the one at i."""
        depth = 0
        for j in range(i, len(self.tokens)):
            depth += (self.texts[j] in CLOSING) - (self.texts[j] in CLOSING.values())
            if depth == 0:
                return j
        return len(self.tokens) - 1

    def _end(self, i, ends):
        """The first of the ends, or of closing brackets, outside any bracket that opens after i."""
        while i < len(self.tokens) and self.texts[i] not in ends and self.texts[i] not in CLOSING.values():
            i = self._close(i) + 1 if self.texts[i] in CLOSING else i + 1
        return i

    def _end_of_statement(self, i):
        return min(self._end(i, {';'}), len(self.tokens) - 1)

    def _scopes(self):
        """For each token the first words of the blocks around it, innermost last: class, if, or '' for a function."""
        scopes, open_blocks, begin = [], [], 0
        for i, token in enumerate(self.tokens):
            scopes.append(tuple(open_blocks))
            if token.text == '{':
                head = self.texts[begin:i]
                is_type = {'namespace', 'class', 'struct', 'enum', 'union'} & set(head) and '(' not in head
                is_nested = head and head[0] in ('if', 'else', 'for', 'while', 'do', 'switch', 'case', 'default')
                open_blocks.append('type' if is_type else head[0] if is_nested else '')
            elif token.text == '}' and open_blocks:
                open_blocks.pop()
            if token.text in ('{', '}', ';'):
                begin = i + 1
        return scopes

    def _begins_statement(self, i):
        if not self.scopes[i] or self.scopes[i][-1] == 'type':
            return False
        before = self.texts[i - 1]
        if before == ':':
            label = next((j for j in range(i - 2, max(i - 9, 0), -1) if self.texts[j] in (';', '{', '}', ':', '?')), 0)
            return self.texts[label + 1] in ('case', 'default')
        return before in (';', '{', '}', 'else', 'do') or before == ')' and self._ends_head(i - 1)

    def _ends_head(self, i):
        depth = 0
        while i >= 0:
            depth += (self.texts[i] == ')') - (self.texts[i] == '(')
            if depth == 0:
                return self.texts[i - 1] in ('if', 'for', 'while')
            i -= 1
        return False

    def _may_be_dropped(self, i):
        end = self._end_of_statement(i)
        if self.texts[end] != ';':
            return False
        if self.texts[i] in ('break', 'continue'):
            return True
        if self.texts[i] in ('return', 'throw'):  # not the last of a function
            return self.texts[i - 1] in (')', 'else') or self.texts[end + 1] != '}' or self.scopes[i][-1] != ''
        return self._is_expression(i, end)

    def _is_expression(self, i, end):
        """A call, an assignment or a step: a chain of names, members, calls and indices that no other name follows."""
        if self.texts[i] in ('++', '--'):
            return True
        i += self.texts[i] == '*'
        if self.tokens[i].kind != 'word' or self.texts[i] in NO_CALL:
            return False
        acts, i = False, i + 1
        while i < end and self.texts[i] not in ASSIGNMENTS:
            if self.texts[i] in ('(', '['):
                acts = acts or self.texts[i] == '('
                i = self._close(i) + 1
            elif self.texts[i] in ('.', '->', '::') and self.tokens[i + 1].kind == 'word':
                i += 2
            elif self.texts[i] in ('++', '--'):
                acts, i = True, i + 1
            else:
                return False
        return acts or i < end

    def _negated_condition(self, opening):
        first, last = opening + 1, self._close(opening) - 1
        while (semicolon := self._end(first, {';'})) < last:
            first = semicolon + 1
        outer, i = [], first
        while i <= last:
            outer.append(self.texts[i])
            i = self._close(i) + 1 if self.texts[i] in CLOSING else i + 1
        # A declaration has no negation, and what other mutations do already is left to them.
        if '=' in outer or not {'&&', '||'} & set(outer) and (outer[0] == '!' or {'==', '!='} & set(outer)):
            return
        yield self._replace(first, last, f'!({self._text(first, last)})')

    def _swapped_branches(self, question):
        colon = self._end(question + 1, {':', '?', ';'})
        if self.texts[colon] != ':':
            return
        last = self._end(colon + 1, {';', ',', ':'}) - 1
        if last < len(self.tokens) - 1:
            branches = self._text(question + 1, colon - 1), self._text(colon + 1, last)
            yield self._replace(question + 1, last, ' : '.join(reversed(branches)))


def other_numbers(text):
    digits, suffix = re.fullmatch(r"(0[xXbB][\da-fA-F']+|[\d'.]+(?:[eE][+-]?\d+)?)(\w*)", text).groups()
    digits = digits.replace("'", '')
    if not digits.isdigit():
        return [f'{int(digits, 0) + 1}{suffix}' if digits[1] in 'xXbB' else f'{float(digits) * 10}{suffix}']
    number = int(digits)
    return [f'{other}{suffix}' for other in ([0, 2] if number == 1 else [number + 1] + [number * 10] * (number > 4))]
