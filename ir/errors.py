"""Every exception of the project, in one tree under LithifyError."""

SHOWN_WIDTH = 100


class LithifyError(Exception):
    """The root of all errors that a user can cause or meet; its text is one plain paragraph."""


class InputError(LithifyError):
    """A value handed in is unusable: shape, type, range, NaN, label, emptiness."""


class ParseError(LithifyError):
    """A text could not be read; the message points at file, line and column with a caret."""

    def __init__(self, message: str, *, filename: str, line: int, column: int, source: str) -> None:
        """Place `message` at 1-based `line` and `column` of `filename`; `source` is that line."""
        shown, at = _window(source, column - 1)
        shown = f"    {shown}".rstrip()
        place = f"{filename}:{line}:{column}"
        super().__init__(f"{place}: {message}\n{shown}\n    {' ' * at}^")
        self.filename = filename
        self.line = line
        self.column = column


def _window(source: str, at: int) -> tuple[str, int]:
    """The part of a long line around `at`, and where in it that is."""
    if len(source) <= SHOWN_WIDTH:
        return source, at
    start = max(0, min(at - SHOWN_WIDTH // 2, len(source) - SHOWN_WIDTH))
    head = "..." if start else ""
    tail = "..." if start + SHOWN_WIDTH < len(source) else ""
    return head + source[start : start + SHOWN_WIDTH] + tail, len(head) + at - start


class FormatError(LithifyError):
    """A file is corrupt, truncated, of another kind or of an unknown version."""


class WriteError(LithifyError):
    """A file or folder could not be written; what stood there before is untouched."""


class CheckError(LithifyError):
    """A circuit breaks a rule of the IR."""


class PassError(LithifyError):
    """A pass failed or cannot be run with these options."""


class HardenError(LithifyError):
    """A layer has no hard form."""


class MappingError(LithifyError):
    """The device cannot hold or express the design."""


class TargetError(LithifyError):
    """An unknown board, device or back end."""


class ToolError(LithifyError):
    """Something about an external tool."""


class ToolMissing(ToolError):
    """A tool is not installed; the message says how to get it."""


class ToolFailed(ToolError):
    """A tool was run and failed; the message has the command, its last lines and its log."""


class MismatchError(LithifyError):
    """Two stages that must agree do not."""
