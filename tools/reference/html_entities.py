"""Writes models/text/html_entity_table.h: the names of HTML 5 with their code points, as Python's html.entities has
them from the HTML standard.

    python tools/reference/html_entities.py > models/text/html_entity_table.h
"""
import html.entities
import textwrap

HEAD = '''// HTML 5's named character references ("Named character references" of the HTML standard, 2231 of them), written by
// tools/reference/html_entities.py: name=code points, those that need no semicolon with a "!" before.
#pragma once

#include <string_view>

namespace framemill::models {

inline constexpr std::string_view kHtmlEntityTable =
'''


def main():
    table = html.entities.html5
    words = [('!' if name in table else '') + name + '=' + ','.join(f'{ord(c):X}' for c in table[name + ';'])
             for name in sorted(n[:-1] for n in table if n.endswith(';'))]
    lines = textwrap.wrap(' '.join(words), 112, break_long_words=False, break_on_hyphens=False)
    print(HEAD, end='')
    print(' "\n'.join(f'    "{line}' for line in lines) + '";\n\n}  // namespace framemill::models')


if __name__ == '__main__':
    main()
