"""One line of a text circuit as tokens, and errors that point at them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from lithify.ir.errors import ParseError

TOKEN = re.compile(
    r"""(?P<comment>\#.*)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<signal>%[A-Za-z0-9_]+)
    |(?P<hex>0x[0-9a-fA-F]+)
    |(?P<number>[0-9]+)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<symbol>\.\.|>=|[-+*=:@.\[\]])""",
    re.ASCII | re.VERBOSE,
)
SPACE = " \t\r"
MOST_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line: its kind, its text and the 1-based column where it starts."""

    kind: str
    text: str
    column: int


class Line:
    """A line of source being read from left to right, token by token."""

    def __init__(self, text: str, *, number: int, filename: str) -> None:
        """Split the line into tokens; the last one is always of kind `end`."""
        self.text = text
        self.number = number
        self.filename = filename
        self._tokens = self._split()
        self._at = 0

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._at]

    def error(self, message: str, column: int | None = None) -> ParseError:
        """An error that points at `column`, or at the next token."""
        return ParseError(
            message,
            filename=self.filename,
            line=self.number,
            column=self.token.column if column is None else column,
            source=self.text.replace("\t", " ").rstrip(),
        )

    def take(self) -> Token:
        """The next token, consumed."""
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def accept(self, text: str) -> bool:
        """Whether the next token was `text`, which is consumed."""
        found = self.token.text == text and self.token.kind in ("symbol", "name")
        self._at += found
        return found

    def expect(self, text: str) -> None:
        """Consume `text`, or fail."""
        if not self.accept(text):
            raise self.error(f"expected {text!r}, found {self.found()}")

    def found(self) -> str:
        """The next token for a message."""
        return "the end of the line" if self.token.kind == "end" else repr(self.token.text)

    def end(self) -> None:
        """Fail unless everything has been read."""
        if self.token.kind != "end":
            raise self.error(f"expected the end of the line, found {self.found()}")

    def name(self, what: str) -> str:
        """The next token as a name, bare or in quotes."""
        token = self.token
        if token.kind == "name":
            return self.take().text
        if token.kind == "string":
            return self.string(what)
        raise self.error(f"expected {what}, found {self.found()}")

    def string(self, what: str) -> str:
        """The next token as a quoted string, its escapes resolved."""
        if self.token.kind != "string":
            raise self.error(f"expected {what} in double quotes, found {self.found()}")
        try:
            value: str = json.loads(self.token.text)
        except json.JSONDecodeError as error:
            raise self.error(f"this is no JSON string: {error.msg}") from error
        self.take()
        return value

    def natural(self, what: str, most: int) -> int:
        """The next token as an integer from 0 to `most`."""
        token = self.token
        if token.kind != "number":
            raise self.error(f"expected {what}, found {self.found()}")
        if len(token.text) > MOST_DIGITS or int(token.text) > most:
            raise self.error(f"{what} is more than {most}")
        self.take()
        return int(token.text)

    def integer(self, what: str, most: int) -> int:
        """The next tokens as an integer from -most to `most`."""
        negative = self.accept("-")
        value = self.natural(what, most)
        return -value if negative else value

    def _split(self) -> list[Token]:
        tokens, at, text = [], 0, self.text
        while at < len(text):
            if text[at] in SPACE:
                at += 1
                continue
            match = TOKEN.match(text, at)
            if match is None:
                self._tokens, self._at = [Token("end", "", at + 1)], 0
                quote = text[at] == '"'
                raise self.error(
                    "this string has no end" if quote else f"unexpected character {text[at]!r}"
                )
            if match.lastgroup == "comment":
                break
            tokens.append(Token(str(match.lastgroup), match.group(), at + 1))
            at = match.end()
        tokens.append(Token("end", "", len(text[:at].rstrip()) + 1))
        return tokens
