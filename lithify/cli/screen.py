"""What the verbs show: progress and headings on stderr, results on stdout."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Bar = Any  # a callable: bar(done, total, note)


class Screen:
    """The terminal as the verbs see it; with `json` nothing but the result reaches stdout."""

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        """Remember how much to show; rich is loaded with the first thing shown."""
        self.json = json
        self.quiet = quiet
        self._err: Console | None = None
        self._out: Console | None = None
        self._progress: Progress | None = None

    @property
    def err(self) -> "Console":
        """The console on stderr."""
        if self._err is None:
            from rich.console import Console

            self._err = Console(stderr=True, highlight=False)
        return self._err

    @property
    def out(self) -> "Console":
        """The console on stdout."""
        if self._out is None:
            from rich.console import Console

            self._out = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
        return self._out

    def say(self, text: str) -> None:
        """A line about what happens now."""
        if not self.quiet:
            self.err.print(text, markup=False, soft_wrap=True)

    def show(self, text: str = "") -> None:
        """A line of the result."""
        if not self.json:
            self.out.print(text, markup=False, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Rows of the result under their headings; columns of numbers are set right."""
        if self.json:
            return
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, column in enumerate(columns):
            numbers = bool(rows) and all(str(row[i])[:1] in "0123456789-" for row in rows)
            table.add_column(column, justify="right" if numbers else "left")
        for row in rows:
            table.add_row(*[str(cell) for cell in row])
        self.out.print(table)

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """What Lithify's modules log meanwhile is said, and warned of also where it is quiet."""
        log, handler = logging.getLogger("lithify"), _Heard(self)
        before = log.level
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        try:
            yield
        finally:
            log.setLevel(before)
            log.removeHandler(handler)

    def warn(self, text: str) -> None:
        """A line about what is not as it should be."""
        self.err.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def progress(self, label: str) -> Iterator[Bar]:
        """A progress bar: call it with what is done, the total, and a short note."""
        if self.quiet or not self.err.is_terminal:
            yield self._plain_progress(label)
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
        with Progress(*columns, TextColumn("{task.fields[note]}"), console=self.err) as progress:
            task = progress.add_task(label, total=None, note="")
            yield lambda done, total, note="": progress.update(
                task, completed=done, total=total, note=note
            )

    def _plain_progress(self, label: str) -> Bar:
        """Where there is no terminal: a line now and then."""
        tenth = -1

        def bar(done: float, total: float | None, note: str = "") -> None:
            nonlocal tenth
            now = int(10 * done / total) if total else tenth + 1
            if now > tenth:
                tenth = now
                share = f"{100 * done / total:3.0f} %" if total else ""
                self.say(f"  {label} {share} {note}".rstrip())

        return bar


class _Heard(logging.Handler):
    """Hands what is logged to a screen."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING:
            self._screen.say(f"  {record.getMessage()}")
        else:
            self._screen.warn(record.getMessage())
