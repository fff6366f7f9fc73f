"""Character encodings as browsers read and write them (WHATWG Encoding), where Python's codecs differ.

Browsers read the Japanese legacy encodings with one table, that of Windows code page 932, in which `①` and
`㈱` are ordinary characters. Python's euc_jp and iso2022_jp do not know them.
"""

import re
import unicodedata

import webencodings

_EUC_JP = re.compile(rb"[\x00-\x7f]+|\x8e[\xa1-\xdf]|\x8f[\xa1-\xfe]{2}|[\xa1-\xfe]{2}|.", re.DOTALL)
_ESCAPE = re.compile(rb"\x1b(\([BIJ]|\$[@B])")
_IBM_PLACES = {
    bytes((lead, trail)).decode("cp932"): bytes((lead, trail))
    for lead in (0xFA, 0xFB, 0xFC)
    for trail in range(0x40, 0xFD if lead < 0xFC else 0x4C)
    if trail != 0x7F
}
_MARKS = {"ﾞ": "゛", "ﾟ": "゜"}  # Unicode widens them to marks that combine
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def name_of(label: str) -> str | None:
    """The WHATWG name for an encoding label ("x-sjis" is "shift_jis"), or None for an unknown one."""
    found = webencodings.lookup(label) if label.isascii() else None
    return None if found is None else str(found.name)


def decode(body: bytes, name: str) -> str:
    """Text of the body in the encoding of this name; what does not decode becomes U+FFFD. Never raises."""
    if name == "euc-jp":
        return _decode_euc_jp(body)
    if name == "iso-2022-jp":
        return _decode_iso_2022_jp(body)
    return _codec_decode(body, name)


def encode(text: str, name: str) -> bytes | None:
    """The text in the encoding of this WHATWG name, or None when the encoding lacks one of its characters."""
    if name == "iso-2022-jp":
        return _encode_iso_2022_jp(text)
    if name in ("euc-jp", "shift_jis"):
        places = map(_euc_jp_bytes if name == "euc-jp" else _shift_jis_bytes, text)
        found = [place for place in places if place is not None]
        return b"".join(found) if len(found) == len(text) else None
    codec = (webencodings.lookup(name) or webencodings.UTF8).codec_info
    try:
        return bytes(codec.encode(text, "strict")[0])
    except UnicodeError:
        return None


def _codec_decode(body: bytes, name: str) -> str:
    found = webencodings.lookup(name) or webencodings.UTF8
    text = found.codec_info.decode(body, "replace")[0]
    return str(text)


def _decode_euc_jp(body: bytes) -> str:
    return "".join(_euc_jp_text(run) for run in _EUC_JP.findall(body))


def _euc_jp_text(run: bytes) -> str:
    """Text of one run of ASCII, or of one character, of EUC-JP."""
    if run[0] < 0x80:
        return run.decode("ascii")
    if run[0] in (0x8E, 0x8F):
        return run.decode("euc_jp", "replace") if len(run) > 1 else _REPLACEMENT
    if len(run) == 1:
        return _REPLACEMENT
    return _shift_jis_pair(run[0] - 0xA1, run[1] - 0xA1).decode("cp932", "replace")


def _shift_jis_pair(row: int, cell: int) -> bytes:
    """The Shift_JIS bytes of a place in JIS X 0208, row and cell counted from 0."""
    lead = row // 2 + (0x81 if row < 62 else 0xC1)
    trail = cell + 0x9F if row % 2 else cell + (0x40 if cell < 63 else 0x41)
    return bytes((lead, trail))


def _decode_iso_2022_jp(body: bytes) -> str:
    """Text of ISO-2022-JP: runs between escape sequences, in ASCII, Roman, half-width kana or JIS X 0208."""
    pieces = _ESCAPE.split(body)
    texts = [_run_text(pieces[0], b"(B")]
    texts += [_run_text(run, mode) for mode, run in zip(pieces[1::2], pieces[2::2], strict=True)]
    return "".join(texts)


def _run_text(run: bytes, mode: bytes) -> str:
    if mode in (b"(B", b"(J"):
        text = run.decode("ascii", "replace")
        return text.replace("\\", "¥").replace("~", "‾") if mode == b"(J" else text
    if mode == b"(I":
        return "".join(chr(byte + 0xFF40) if 0x21 <= byte <= 0x5F else _control(byte) for byte in run)
    high = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in run)
    return _decode_euc_jp(high)


def _control(byte: int) -> str:
    return chr(byte) if byte <= 0x20 else _REPLACEMENT


def _shift_jis_bytes(character: str) -> bytes | None:
    """One character in Shift_JIS; of what NEC and IBM both added, browsers write the place of IBM."""
    place = None if "\ue000" <= character <= "\uf8ff" else _place(character)  # of private use: read, not written
    return _IBM_PLACES[character] if place and place[0] in (0xED, 0xEE) else place


def _place(character: str) -> bytes | None:
    """One character in code page 932, as NEC has it; None when it has no place of its own there."""
    character = {"¥": "\\", "‾": "~", "−": "－"}.get(character, character)
    try:
        place = character.encode("cp932")
    except UnicodeEncodeError:
        return None
    return place if place.decode("cp932") == character else None


def _euc_jp_bytes(character: str) -> bytes | None:
    """One character in EUC-JP by way of code page 932, whose places are the same; None when it has none."""
    place = _place(character)
    if place is None or len(place) == 1:
        return place if place is None or place[0] < 0x80 else b"\x8e" + place
    lead, trail = place
    if lead >= 0xF0:  # beyond the 94 rows: no place in EUC-JP
        return None
    row = (lead - (0x81 if lead < 0xA0 else 0xC1)) * 2 + (trail >= 0x9F)
    cell = trail - 0x9F if trail >= 0x9F else trail - (0x40 if trail < 0x7F else 0x41)
    return bytes((row + 0xA1, cell + 0xA1))


def _encode_iso_2022_jp(text: str) -> bytes | None:
    """The text in ISO-2022-JP, ending in ASCII; half-width kana, which it lacks, widened as browsers do."""
    encoded, double = b"", False
    for character in text:
        pair = _euc_jp_bytes(_widened(character))
        if pair is None:
            return None
        if (len(pair) == 2) != double:
            double = not double
            encoded += b"\x1b$B" if double else b"\x1b(B"
        encoded += bytes(byte & 0x7F for byte in pair)
    return encoded + b"\x1b(B" if double else encoded


def _widened(character: str) -> str:
    if character in _MARKS:
        return _MARKS[character]
    return unicodedata.normalize("NFKC", character) if "\uff61" <= character <= "\uff9f" else character
