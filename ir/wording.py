"""Phrases that reports and errors share."""


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things in words.

    >>> counted(1, "class", "classes"), counted(1200, "gate")
    ('1 class', '1,200 gates')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
