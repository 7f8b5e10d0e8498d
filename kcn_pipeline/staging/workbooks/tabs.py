"""The tabs of an .xlsx: which part of the archive holds which sheet.

It must not judge a sheet. The surprising fact: the numbers in the names of the parts say nothing; a tab names a
relationship, and only that names the part.
"""

import io
import posixpath
import re
import zipfile
from html import unescape

from kcn_pipeline.staging.workbooks.worksheet import find_errors

_SHEET_TAG = re.compile(r"<(?:\w+:)?sheet\s" + r"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_RELATION_TAG = re.compile(r"<(?:\w+:)?Relationship\s" + r"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def find_error_cells(content: bytes, sheet: str) -> frozenset[str]:
    """Addresses of the cells of a sheet that show an error or a formula never computed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = _find_sheet_parts(archive).get(sheet)
        return find_errors(archive.read(part)) if part else frozenset()


def name_part(content: bytes, part: str) -> str:
    """How to name a part of the workbook to a person: by its sheet, else by the part."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name, found in _find_sheet_parts(archive).items() if found == part]
    return f"sheet {names[0]}" if names else part


def _find_sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name → part that holds it: the tabs in xl/workbook.xml, then the relationship each names."""
    parts = {name.lower(): name for name in archive.namelist()}
    relations = parts.get("xl/_rels/workbook.xml.rels")
    if relations is None:
        return {}
    targets = {
        link["Id"]: link["Target"] for link in _read_tags(archive.read(relations), _RELATION_TAG) if "Id" in link
    }
    found = {}
    for sheet in _read_tags(archive.read(parts["xl/workbook.xml"]), _SHEET_TAG):
        link = next((value for name, value in sheet.items() if name.endswith(":id")), "")
        target = targets.get(link, "").lower()
        path = target if target.startswith("xl/") else posixpath.join("/xl", target)
        if part := parts.get(posixpath.normpath(path).lstrip("/")):
            found[sheet.get("name", "")] = part
    return found


def _read_tags(xml: bytes, tag: re.Pattern[str]) -> list[dict[str, str]]:
    return [
        {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(found)}
        for found in tag.findall(xml.decode("utf-8", "replace"))
    ]
