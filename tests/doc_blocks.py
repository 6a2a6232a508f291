"""The code blocks of the documentation, and what a comment above each of them says about it.

A comment that a reader of the rendered page does not see stands directly above the block::

    <!-- not run: REASON -->            it is not run
    <!-- slow: REASON -->               it is run by the tests marked slow only
    <!-- before: COMMAND -->            a shell command that prepares it
    <!-- with: OLD => NEW -->           it is run with this replacement, for a smaller example
    <!-- output -->                     a text block that is the output of the last block run
    <!-- file: NAME -->                 it is written into this file

A block of shell (``sh``) or Python (``python``) is run. A ``text`` block directly below one is
its output. Every other block needs a comment. ``python tests/doc_blocks.py`` lists all of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("sh", "python")
WORDS = ("not run", "slow", "before", "with", "output", "file")


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    Parameters
    ----------
    page : str
        Path of the page from the root of the checkout.
    line : int
        Line of its first fence, from 1.
    language : str
        First word behind the fence.
    text : str
        What is between the fences.
    marks : tuple of tuple of str
        Comments above it: word, and what stands behind the colon.
    kind : str
        ``run``, ``output``, ``file``, ``not run``, or ``unmarked``, which is a mistake.
    """

    page: str
    line: int
    language: str
    text: str
    marks: tuple[tuple[str, str], ...] = ()
    kind: str = "unmarked"

    @property
    def name(self) -> str:
        """Where the block is, as an editor understands it."""
        return f"{self.page}:{self.line}"

    @property
    def slow(self) -> bool:
        """Whether only the slow tests run the block."""
        return any(word == "slow" for word, _ in self.marks)

    def saying(self, word: str) -> list[str]:
        """Return what the comments with this word say."""
        return [rest for one, rest in self.marks if one == word]

    @property
    def code(self) -> str:
        """What is run: the block with its replacements."""
        code = self.text
        for rest in self.saying("with"):
            old, arrow, new = rest.partition(" => ")
            if not arrow or old not in code:
                raise ValueError(f"{self.name}: no {old!r} to replace, expected 'OLD => NEW'.")
            code = code.replace(old, new)
        return code


def pages() -> list[Path]:
    """Return the README and all pages of the documentation."""
    docs = ROOT / "docs"
    built = set(docs.glob("_build/**/*"))
    return [ROOT / "README.md", *sorted(set(docs.rglob("*.md")) - built)]


def blocks_of(text: str, page: str) -> list[Block]:
    """Return the code blocks of a page in order; Sphinx's directives are none."""
    blocks: list[Block] = []
    above: list[str] = []  # comments since the last thing that is no comment
    adjacent = False  # whether nothing but comments is between this block and the one before
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block":
            above.append(token.content)
            continue
        if token.type in ("fence", "code_block") and not token.info.startswith("{"):
            block = read_block(token, page, above)
            last = blocks[-1] if blocks else None
            follows = adjacent and last is not None and last.kind == "run"
            blocks.append(replace(block, kind=kind_of(block, follows=follows)))
            adjacent = True
        else:
            adjacent = False
        above = []
    return blocks


def read_block(token: Token, page: str, above: list[str]) -> Block:
    """Return a block with its comments."""
    line = token.map[0] + 1
    marks = []
    for comment in re.findall(r"<!--\s*(.*?)\s*-->", "".join(above), re.DOTALL):
        word, _, rest = comment.partition(":")
        if word not in WORDS:
            known = ", ".join(WORDS)
            raise ValueError(f"{page}:{line}: comment {word!r}, expected one of {known}.")
        marks.append((word, " ".join(rest.split())))
    return Block(page, line, token.info.partition(" ")[0], token.content, tuple(marks))


def kind_of(block: Block, *, follows: bool) -> str:
    """Return what is done with a block; ``follows`` says that one which is run is just above."""
    for word in ("not run", "file"):
        if block.saying(word):
            return word if block.saying(word) != [""] else "unmarked"
    if block.saying("output") or (block.language == "text" and follows):
        return "output"
    return "run" if block.language in LANGUAGES else "unmarked"


def documented() -> Iterator[Block]:
    """Yield the blocks of all pages."""
    for page in pages():
        yield from blocks_of(page.read_text(encoding="utf-8"), str(page.relative_to(ROOT)))


def main() -> None:
    """Print every block, what is done with it, and why it is not run."""
    blocks = list(documented())
    compared, last = set(), ""
    for block in blocks:
        if block.kind == "run":
            last = block.name
        elif block.kind == "output":
            compared.add(last)
    counts: Counter[str] = Counter()
    for block in blocks:
        done = f"{block.kind}, slow" if block.slow else block.kind
        counts[done] += 1
        if block.name in compared:
            done += ", output compared"
        reasons = block.saying("not run") + block.saying("slow")
        print(f"{block.name:34} {block.language:7} {': '.join([done, *reasons])}")
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


if __name__ == "__main__":
    main()
