"""Keeps the translations complete: every text that a user can meet is a msgid in each catalogue.

python -m pipeline.pages.messages           brings the catalogues up to date, new texts without a translation
python -m pipeline.pages.messages --check   ends with 1 if one is stale, lacks a text or has other {names}
"""

from __future__ import annotations

import ast
import io
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

from pipeline.language import LANGUAGES
from pipeline.resources import PACKAGE, schemas_folder
from pipeline.validator.schema import load

TRANSLATED = tuple(code for code in LANGUAGES if code != "en")
_LONGEST_LINE = 110
_HEAD = """\
# The msgids are collected by python -m pipeline.pages.messages; the translations are written here.
msgid ""
msgstr ""
"Language: {code}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
_NO_TEXTS = frozenset(
    {
        "severity",
        "source",
        "wrong",
        "right",
        "extensions",
        "sets",
        "better_headers",
        "examples",
        "examples_of",
        "choices",
    }
)
"""Keys of data files whose texts are no words of ours, are there in every language, or cite a document."""


def texts() -> dict[str, list[str]]:
    """Every msgid with the files that hold it, in the order of these files."""
    found: dict[str, list[str]] = {}
    for place, text in (*_of_data(), *_of_profiles(), *_of_schemas(), *_of_code()):
        places = found.setdefault(text, [])
        if place not in places:
            places.append(place)
    return found


def path(code: str) -> Path:
    """The catalogue of a language."""
    return PACKAGE / "locales" / code / "LC_MESSAGES" / "messages.po"


def updated(code: str) -> bytes:
    """The catalogue of a language as it should be: all texts, with the translations that it has."""
    with path(code).open("rb") as file:
        known = {entry.id: entry.string for entry in read_po(file, locale=code)}
    catalog = Catalog(locale=code)
    for text, places in texts().items():
        catalog.add(text, known.get(text, ""), locations=[(place, 0) for place in places])
    written = io.BytesIO()
    # Babel's own head tells the time, so it would be stale every minute.
    write_po(written, catalog, width=_LONGEST_LINE, omit_header=True, include_lineno=False)
    return _HEAD.format(code=code).encode() + written.getvalue()


def faults(code: str) -> list[str]:
    """What is wrong with a catalogue, one line each."""
    with path(code).open("rb") as file:
        known = {str(entry.id): str(entry.string) for entry in read_po(file, locale=code) if entry.id}
    needed = texts()
    lacking = [f"{code}: no translation of “{text}”" for text in needed if not known.get(text)]
    left_over = [f"{code}: nothing says “{text}” any more" for text in known if text not in needed]
    unlike = [
        f"{code}: other names in the translation of “{text}”"
        for text, translation in known.items()
        if translation and names(text) != names(translation)
    ]
    return lacking + left_over + unlike


def names(text: str) -> set[str]:
    """The `{names}` in a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _of_data() -> Iterator[tuple[str, str]]:
    folder = PACKAGE / "data"
    files = [*sorted((folder / "findings").glob("*.toml")), *map(folder.joinpath, _WORDS)]
    for file in files:
        place = file.relative_to(PACKAGE).as_posix()
        for text in _strings(tomllib.loads(file.read_text(encoding="utf-8"))):
            yield place, text


_WORDS = (
    "report.toml",
    "kinds.toml",
    "explanations.toml",
    "template.toml",
    "corrections.toml",
    "terminal.toml",
    "profile.toml",
)


def _strings(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "columns":  # of a sheet: title, width and look each
                yield from (title for title, *_ in value if title)
            elif name not in _NO_TEXTS:
                yield from _strings(value)
    elif isinstance(part, list):
        for value in part:
            yield from _strings(value)
    elif isinstance(part, str) and any(map(str.isalpha, part)):
        yield part


def _of_profiles() -> Iterator[tuple[str, str]]:
    """What the built-in profiles are, what they do not do, and why they leave rows out."""
    for file in sorted((PACKAGE / "data" / "profiles").glob("*.toml")):
        declared = tomllib.loads(file.read_text(encoding="utf-8"))
        about = declared.get("profile", {})
        reasons = [each["reason"] for each in declared.get("leave_out", [])]
        for text in (about.get("title"), *about.get("limits", []), *reasons):
            if text:
                yield file.relative_to(PACKAGE).as_posix(), text


def _of_schemas() -> Iterator[tuple[str, str]]:
    """What fields are, and why one is needed or forbidden: findings and templates say it."""
    for file in sorted(schemas_folder().glob("*.json")):
        if file.name not in {"report.json", "profile.json"}:
            for text in _descriptions(load(file.name)):
                yield f"schemas/{file.name}", text


def _descriptions(schema: dict[str, Any]) -> Iterator[str]:
    below: Iterable[dict[str, Any]] = (
        *schema.get("properties", {}).values(),
        *schema.get("$defs", {}).values(),
        *schema.get("allOf", ()),
        *([schema["items"]] if "items" in schema else ()),
    )
    for part in below:
        if "description" in part:
            yield part["description"]
        yield from _descriptions(part)


def _of_code() -> Iterator[tuple[str, str]]:
    """The first argument of every call of `translate`, where it is a text."""
    for file in sorted(PACKAGE.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        if "translate(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "translate":
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield file.relative_to(PACKAGE).as_posix(), first.value


def main() -> int:
    """Bring the catalogues up to date, or with `--check` only say what is wrong with them."""
    check = "--check" in sys.argv[1:]
    found = []
    for code in TRANSLATED:
        if check:
            stale = path(code).read_bytes() != updated(code)
            found += [f"{code}: stale: run python -m pipeline.pages.messages"] if stale else []
        else:
            path(code).write_bytes(updated(code))
        found += faults(code)
    for line in found:
        sys.stderr.write(f"{line}\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
