"""Bitstreams for tests, of all families: empty configuration memories of any form."""

from binascii import crc_hqx


def ice40_bitstream(width: int, height: int, *, crc_error: int = 0) -> bytes:
    """A whole bitstream that writes one bank of zeros."""
    head = bytes.fromhex("ff0000ff 7eaa997e 510001 05".replace(" ", ""))
    body = bytes.fromhex("920020")
    body += b"\x62" + (width - 1).to_bytes(2, "big") + b"\x72" + height.to_bytes(2, "big")
    body += bytes.fromhex("820000 1100 0101".replace(" ", "")) + bytes(width * height // 8 + 2)
    body += b"\x22"
    crc = crc_hqx(body, 0xFFFF) ^ crc_error
    return head + body + crc.to_bytes(2, "big") + bytes.fromhex("010600")


HX8K, UP5K, HX1K = (872, 272), (692, 336), (332, 144)


def ecp5_bitstream(code: int) -> bytes:
    """The commands of an ECP5 that say what the chip is, and the end."""
    head = b"\xff\x00Part: test\x00\xff" + bytes.fromhex("ffffbdb3 ffffffff 3b000000")
    return head + b"\xe2\x00\x00\x00" + code.to_bytes(4, "big") + b"\x5e\x00\x00\x00" + b"\xff" * 4


def gowin_bitstream(code: int, *, rows: int = 3) -> bytes:
    """The commands of a Gowin chip that say what it is, some rows of configuration, and the end."""
    head = ["1" * 160, "1" * 16, "1010010111000011", f"{6:08b}{0:024b}{code:032b}"]
    lines = [*head, *["0" * 64] * rows, f"{10:08b}{0:056b}", "1" * 64, f"{8:08b}{0:024b}"]
    return "\n".join(lines).encode() + b"\n"
