"""policy.docx: the draft of the policy as Word opens it, with real headings and lists."""

import io

from docx import Document
from docx.document import Document as Written
from docx.enum.text import WD_COLOR_INDEX
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from reports.clean import one_line, visible
from reports.publish.content import Content
from reports.publish.policy import lead, sections

LONGEST = 255  # characters of a property
FONT = {"ja": "Yu Gothic", "en": "Calibri"}
LANGUAGE = {"ja": "ja-JP", "en": "en-GB"}


def policy_document(content: Content) -> bytes:
    """The draft, A4; what is to be filled in is marked yellow."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    _set_language(document, content.language.lang)
    document.core_properties.title = content.say("policy.title")
    document.core_properties.author = one_line(str(content.facts.details.get("organisation") or ""))[:LONGEST]
    document.core_properties.language = LANGUAGE[content.language.lang]
    document.add_heading(content.say("policy.title"), level=1)
    _write(document.add_paragraph(), content.say("policy.draft"), content.blank)
    _write(document.add_paragraph(), lead(content), content.blank)
    for each in sections(content):
        document.add_heading(visible(each.title), level=2)
        for text in each.texts:
            _write(document.add_paragraph(), text, content.blank)
        for point in each.points:
            _write(document.add_paragraph(style="List Bullet"), point, content.blank)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _write(paragraph: Paragraph, text: str, blank: str) -> None:
    """Text with what is to be filled in marked."""
    for index, part in enumerate(visible(text).split(blank)):
        if index:
            paragraph.add_run(blank).font.highlight_color = WD_COLOR_INDEX.YELLOW
        if part:
            paragraph.add_run(part)


def _set_language(document: Written, lang: str) -> None:
    """The document's language and fonts, also for Japanese letters, in the styles that all text follows."""
    for name in ("Normal", "Heading 1", "Heading 2"):
        style = document.styles[name]
        style.font.name = FONT[lang]
        properties = style.element.get_or_add_rPr()
        properties.get_or_add_rFonts().set(qn("w:eastAsia"), FONT[lang])
        told = OxmlElement("w:lang")
        told.set(qn("w:val"), LANGUAGE[lang])
        told.set(qn("w:eastAsia"), "ja-JP")
        properties.append(told)
    document.styles["Normal"].font.size = Pt(11)
