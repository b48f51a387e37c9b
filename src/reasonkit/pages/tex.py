r"""TeX formulas as readable text: `\frac{a}{b}` as a/b, `\xi` as ξ, `\underset{x}{\min}` as min_x.

For encyclopedia pages, where a formula stands in the middle of a sentence. No typesetting, and no macro of one's own:
what is not known is shown by its name. Any text comes out as some text; nothing is raised.
"""
# ruff: noqa: SIM905 - a list of words is easier to read and to keep as a line of words

import re
from collections.abc import Iterator
from typing import Final

_TOKEN = re.compile(r"\\([A-Za-z]+)\*?|\\(.)|([{}^_&~\[\]])|(\s+)|([^\\{}^_&~\[\]\s]+)", re.DOTALL)
_SCRIPT = re.compile(r"[_^](?:\w+|\([^()]*\))$")
"""A raised or lowered end, which a letter right after it would seem to continue."""
_DEEPEST: Final = 60
"""Nesting past which braces are read as if they were not there."""

_LETTERS: Final = dict(
    zip(
        (
            "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho varrho"
            " sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
        ).split(),
        "αβγδεεζηθϑικλμνξπϖρϱσςτυφφχψωΓΔΘΛΞΠΣΥΦΨΩ",
        strict=True,
    )
)
_SIGNS: Final = {
    "times": " × ", "cdot": " · ", "div": " ÷ ", "pm": " ± ", "mp": " ∓ ", "ast": " * ", "circ": "°", "bullet": " • ",
    "leq": " ≤ ", "le": " ≤ ", "geq": " ≥ ", "ge": " ≥ ", "neq": " ≠ ", "ne": " ≠ ", "approx": " ≈ ", "equiv": " ≡ ",
    "sim": " ~ ", "simeq": " ≃ ", "cong": " ≅ ", "propto": " ∝ ", "ll": " ≪ ", "gg": " ≫ ", "lt": " < ", "gt": " > ",
    "to": " → ", "rightarrow": " → ", "leftarrow": " ← ", "mapsto": " ↦ ", "Rightarrow": " ⇒ ", "iff": " ⇔ ",
    "leftrightarrow": " ↔ ", "Leftrightarrow": " ⇔ ", "implies": " ⇒ ", "longrightarrow": " → ",
    "in": " ∈ ", "notin": " ∉ ", "subset": " ⊂ ", "subseteq": " ⊆ ", "supset": " ⊃ ", "cup": " ∪ ", "cap": " ∩ ",
    "setminus": " \\ ", "emptyset": "∅", "varnothing": "∅", "forall": "∀", "exists": "∃", "neg": "¬", "lnot": "¬",
    "land": " ∧ ", "wedge": " ∧ ", "lor": " ∨ ", "vee": " ∨ ", "oplus": " ⊕ ", "otimes": " ⊗ ", "mid": " | ",
    "infty": "∞", "partial": "∂", "nabla": "∇", "sum": "∑", "prod": "∏", "int": "∫", "oint": "∮", "iint": "∬",
    "hbar": "ħ", "ell": "ℓ", "Re": "Re", "Im": "Im", "aleph": "ℵ", "angle": "∠", "perp": " ⊥ ", "parallel": " ∥ ",
    "ldots": "...", "dots": "...", "cdots": "...", "vdots": "...", "ddots": "...", "prime": "'", "dagger": "†",
    "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "vert": "|", "Vert": "‖",
    "lbrace": "{", "rbrace": "}", "colon": ":", "quad": " ", "qquad": " ", "backslash": "\\", "degree": "°",
}  # fmt: skip
_SILENT: Final = frozenset(
    "displaystyle textstyle scriptstyle left right big Big bigg Bigg bigl bigr Bigl Bigr limits nolimits middle boxed"
    " mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak mathscr boldsymbol bf rm it text textbf textit textrm"
    " operatorname mbox hbox hat bar vec tilde dot ddot overline underline widehat widetilde overrightarrow overbrace"
    " underbrace phantom color mathop mathord nonumber label tag hline rlap llap smash mathstrut".split()
)
_OF_TWO: Final = frozenset("frac dfrac tfrac cfrac underset overset stackrel binom dbinom tbinom".split())


def readable_tex(tex: str) -> str:
    r"""Turn a formula into one line of plain text.

    Args:
        tex: a formula, with or without `{\displaystyle ...}` or dollar signs round it.
    """
    tokens = list(_tokens(tex.strip().strip("$")))
    text, _ = _Reader(tokens).until_end(0, 0)
    text = " ".join(text.split())
    text = re.sub(r"\s*(=|<|>)\s*", r" \1 ", text)
    return " ".join(re.sub(r"\s+([,;.)\]^_])", r"\1", text).split())


def math_spans(text: str) -> Iterator[tuple[int, int]]:
    r"""Find each `{\displaystyle ...}` or `{\textstyle ...}` in a text: where it begins, and one past its end."""
    at = 0
    while (begin := _next_formula(text, at)) >= 0:
        depth, end = 0, begin
        while end < len(text):
            if text[end] == "\\":
                end += 2
                continue
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
            if not depth:
                break
        at = min(end, len(text))
        yield begin, at


def _next_formula(text: str, at: int) -> int:
    found = [place for mark in ("{\\displaystyle", "{\\textstyle") if (place := text.find(mark, at)) >= 0]
    return min(found, default=-1)


def _tokens(tex: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(tex):
        command, escaped, mark, space, plain = match.groups()
        if command is not None:
            yield "command", command
        elif escaped is not None:
            yield "escaped", escaped
        elif mark is not None:
            yield "mark", mark
        elif space is not None:
            yield "space", " "
        else:
            yield "plain", plain


class _Reader:
    """Reads tokens from a place on; each method returns a text and the place after it."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens

    def until_end(self, at: int, depth: int, close: str = "}") -> tuple[str, int]:
        parts: list[str] = []
        while at < len(self._tokens):
            if depth and self._tokens[at] == ("mark", close):
                return "".join(parts), at + 1
            text, at = self.one(at, depth)
            if parts and text[:1].isalnum() and _SCRIPT.search(parts[-1]):
                parts.append(" ")
            parts.append(text)
        return "".join(parts), at

    def one(self, at: int, depth: int) -> tuple[str, int]:
        kind, value = self._tokens[at]
        at += 1
        if kind == "command":
            return self._command(value, at, depth)
        if kind == "escaped":
            return {"\\": "; ", ",": " ", ";": " ", ":": " ", " ": " ", "!": "", "|": "‖"}.get(value, value), at
        if kind == "mark":
            if value == "{":
                return self.until_end(at, depth + 1) if depth < _DEEPEST else ("", at)
            if value in "^_":
                text, at = self.argument(at, depth)
                return (value + _grouped(text) if text else ""), at
            return {"&": " ", "~": " ", "}": ""}.get(value, value), at
        return value, at

    def argument(self, at: int, depth: int) -> tuple[str, int]:
        """Read what a command applies to: a group, a command, or one character."""
        while at < len(self._tokens) and self._tokens[at][0] == "space":
            at += 1
        if at >= len(self._tokens) or depth >= _DEEPEST:
            return "", at
        kind, value = self._tokens[at]
        if (kind, value) == ("mark", "}"):
            return "", at
        if kind == "plain" and len(value) > 1:
            self._tokens[at] = (kind, value[1:])
            return value[0], at
        text, at = self.one(at, depth + 1)
        return text.strip(), at

    def _command(self, name: str, at: int, depth: int) -> tuple[str, int]:
        if name in _LETTERS:
            return _LETTERS[name], at
        if name in _SIGNS:
            return _SIGNS[name], at
        if name in {"begin", "end"}:
            _, at = self.argument(at, depth)
            return " ", at
        if name in _OF_TWO:
            first, at = self.argument(at, depth)
            second, at = self.argument(at, depth)
            return _pair(name, first, second), at
        if name == "sqrt":
            root = ""
            if at < len(self._tokens) and self._tokens[at] == ("mark", "["):
                root, at = self.until_end(at + 1, depth + 1, "]") if depth < _DEEPEST else ("", at)
            text, at = self.argument(at, depth)
            return f"{'' if root in {'', '2'} else root + '-th root '}√{_grouped(text)}", at
        if name in _SILENT:
            return "", at
        return f" {name} ", at


def _pair(name: str, first: str, second: str) -> str:
    if name.endswith("frac"):
        return f"{_grouped(first)}/{_grouped(second)}"
    if name.endswith("binom"):
        return f"C({first}, {second})"
    if not first:
        return second
    return f"{second}{'_' if name == 'underset' else '^'}{_grouped(first)}"


def _grouped(text: str) -> str:
    """Put a text in parentheses unless it is one number or one word."""
    text = text.strip()
    return text if re.fullmatch(r"[-+−]?\d+(?:[.,]\d+)?|[^\W\d_]+\d*'*|\W", text) or not text else f"({text})"
