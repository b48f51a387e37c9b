"""Read the encyclopedia's source text. Strict: a wrong line is refused with its file and number.

    # Frankenstein
    > redirects: The Modern Prometheus; Frankenstein (novel)
    Frankenstein is a novel by the English writer [[Mary Shelley]]. It was published in [[London]] in 1818.
    = author: Mary Shelley
    = Mary Shelley / born: 1797
    ? Which city was Frankenstein published in? | London

`#` opens a page. `>` lines say what the title is: `redirects:` other names, `disambiguation` that the links in the body
are all that the title can mean. `=` declares a fact that the text states, of the page's subject or of another one;
values after a semicolon are accepted spellings. `?` is a question that the page answers. All else is prose.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from reasonkit.errors import DatasetError

_LINK: Final = re.compile(r"\[\[([^\[\]|]+)(?:\|([^\[\]|]+))?\]\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a page's text states of a subject: `relation` of `subject` is `values[0]`, or any other of them."""

    subject: str
    relation: str
    values: tuple[str, ...]
    where: str
    """File and line, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question written by hand beside the page that answers it."""

    question: str
    answers: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One page of the source."""

    title: str
    body: str
    """The prose with its link marks, paragraphs separated by a newline."""
    where: str
    redirects: tuple[str, ...] = ()
    disambiguation: bool = False
    facts: tuple[Fact, ...] = ()
    asked: tuple[Asked, ...] = ()

    @property
    def text(self) -> str:
        """The prose as it is shown, without link marks."""
        return _LINK.sub(lambda mark: mark[2] or mark[1], self.body)

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """Every link of the prose with the text that it shows."""
        return tuple((mark[1], mark[2] or mark[1]) for mark in _LINK.finditer(self.body))

    @property
    def links(self) -> tuple[str, ...]:
        """What the prose links to, each once, in order of appearance."""
        return tuple(dict.fromkeys(target for target, _ in self.marks))


def read_source(folder: Path) -> tuple[Article, ...]:
    """Read every `*.txt` of a folder, in the order of file names.

    Raises:
        DatasetError: a line is not what the format allows, or the folder has no source.
    """
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise DatasetError(f"there is no *.txt in {str(folder)!r}: name the folder with the encyclopedia's source")
    return tuple(article for path in paths for article in parse_source(path.read_text(encoding="utf-8"), path.name))


def parse_source(text: str, name: str) -> tuple[Article, ...]:
    """Read the pages of one source file.

    Args:
        text: the file's text.
        name: the file's name, for messages.
    """
    blocks: list[tuple[str, list[tuple[str, str]]]] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.rstrip()
        where = f"{name}:{number}"
        if line.startswith("# "):
            blocks.append((where, [(where, line)]))
        elif line and not blocks:
            _refuse(where, "a file begins with a '# Title' line")
        elif line:
            blocks[-1][1].append((where, line))
    return tuple(_article(where, lines) for where, lines in blocks)


def _article(where: str, lines: list[tuple[str, str]]) -> Article:
    title = lines[0][1][2:].strip()
    redirects: list[str] = []
    disambiguation = False
    prose: list[str] = []
    facts: list[Fact] = []
    asked: list[Asked] = []
    for at, line in lines[1:]:
        mark, rest = line[:2], line[2:].strip()
        if mark == "> " and rest.startswith("redirects: "):
            redirects.extend(_parts(at, rest.removeprefix("redirects: ")))
        elif mark == "> " and rest == "disambiguation":
            disambiguation = True
        elif mark == "= ":
            facts.append(_fact(at, title, rest))
        elif mark == "? ":
            asked.append(_asked(at, rest))
        elif line[0] in "#>=?":
            _refuse(
                at,
                f"{line!r} is no '> redirects: ...', '> disambiguation', '= relation: value' or '? question | answer'",
            )
        else:
            prose.append(_prose(at, line))
    if not prose:
        _refuse(where, f"the page {title!r} has no text")
    return Article(
        title=title,
        body="\n".join(prose),
        where=where,
        redirects=tuple(redirects),
        disambiguation=disambiguation,
        facts=tuple(facts),
        asked=tuple(asked),
    )


def _fact(where: str, title: str, line: str) -> Fact:
    name, colon, values = line.partition(": ")
    if not colon:
        _refuse(where, f"{line!r} is no 'relation: value'")
    subject, slash, relation = name.rpartition(" / ")
    return Fact(subject=subject if slash else title, relation=relation, values=_parts(where, values), where=where)


def _asked(where: str, line: str) -> Asked:
    question, bar, answers = line.partition(" | ")
    if not bar or not question.endswith("?"):
        _refuse(where, f"{line!r} is no 'question? | answer'")
    return Asked(question=question, answers=_parts(where, answers), where=where)


def _prose(where: str, line: str) -> str:
    rest = _LINK.sub("link", line)
    for mark in ("[", "]", "|", "\t", "  "):
        if mark in rest:
            _refuse(where, f"{mark!r} stands in the prose outside a [[Link]] or [[Link|shown text]]")
    return line


def _parts(where: str, line: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in line.split(";"))
    if not all(parts):
        _refuse(where, f"an empty value in {line!r}")
    return parts


def _refuse(where: str, why: str) -> NoReturn:
    raise DatasetError(f"{where}: {why}")
