"""Files: the documents, pictures and sounds of the sample site, made in code so that no binary is kept."""

import io
import struct
import zipfile
import zlib

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/{}/2006/main"


def pdf(text: str) -> bytes:
    """One A4 page that says `text` (ASCII)."""
    drawing = f"BT /F1 18 Tf 72 760 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def docx(text: str) -> bytes:
    space = MAIN.format("wordprocessingml")
    lines = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
    body = f'<w:document xmlns:w="{space}"><w:body>{lines}</w:body></w:document>'
    return _package("word/document.xml", WORD + ".main+xml", {"word/document.xml": body})


def xlsx(text: str) -> bytes:
    space = MAIN.format("spreadsheetml")
    row = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row>'
    sheet = f'<worksheet xmlns="{space}"><sheetData>{row}</sheetData></worksheet>'
    sheets = '<sheets><sheet name="1" sheetId="1" r:id="rId1"/></sheets>'
    book = f'<workbook xmlns="{space}" xmlns:r="{OFFICE}">{sheets}</workbook>'
    links = _relation("worksheet", "worksheets/sheet1.xml")
    parts = {"xl/workbook.xml": book, "xl/worksheets/sheet1.xml": sheet, "xl/_rels/workbook.xml.rels": links}
    return _package("xl/workbook.xml", EXCEL + ".main+xml", parts)


def _package(main: str, kind: str, parts: dict[str, str]) -> bytes:
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="{kind}"/></Types>'
    )
    links = _relation("officeDocument", main)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {"[Content_Types].xml": types, "_rels/.rels": links, **parts}.items():
            archive.writestr(zipfile.ZipInfo(name), '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return buffer.getvalue()


def _relation(kind: str, target: str) -> str:
    one = f'<Relationship Id="rId1" Type="{OFFICE}/{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{RELATIONS}">{one}</Relationships>'


def png(width: int, height: int, top: tuple[int, int, int], bottom: tuple[int, int, int]) -> bytes:
    """A picture that goes from one colour at the top to another at the bottom."""
    rows = bytearray()
    for y in range(height):
        share = y / max(height - 1, 1)
        pixel = bytes(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        rows += b"\0" + pixel * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def wav(seconds: int) -> bytes:
    """Silence, 8 kHz, 8 bit, one channel."""
    samples = b"\x80" * (8000 * seconds)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    data = b"WAVE" + form + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", len(data)) + data


def scene(hue: int) -> bytes:
    """A drawn landscape in place of a photograph."""
    trees = "".join(
        f'<g transform="translate({x} {y})"><rect x="-5" width="10" height="40" fill="#6b4b2a"/>'
        f'<circle cy="-14" r="{r}" fill="hsl({hue} 45% {light}%)"/></g>'
        for x, y, r, light in ((90, 250, 38, 32), (180, 268, 30, 38), (520, 244, 44, 30), (590, 270, 28, 40))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" width="640" height="360">'
        f'<rect width="640" height="360" fill="hsl({hue + 60} 55% 86%)"/>'
        '<circle cx="500" cy="80" r="42" fill="#fff3c4"/>'
        f'<path d="M0 230 Q150 110 320 220 T640 190 V360 H0Z" fill="hsl({hue} 35% 62%)"/>'
        f'<path d="M0 290 Q200 220 400 280 T640 270 V360 H0Z" fill="hsl({hue} 40% 46%)"/>'
        f'<path d="M280 360 Q340 300 300 250 L330 250 Q400 300 380 360Z" fill="hsl({hue + 90} 50% 70%)"/>'
        f"{trees}</svg>"
    ).encode()
