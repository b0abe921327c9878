"""Writes what is made from profiles: their JSON Schema, and the page of the built-in ones.

python -m pipeline.profile.pages           writes `schemas/profile.json` and `docs/builtin-profiles.md` anew
python -m pipeline.profile.pages --check   ends with 1 if one of them is stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.profile import builtin, load_profile, schema
from pipeline.profile.model import Profile
from pipeline.profile.show import columns_of

PAGE = Path(__file__).parent.parent.parent / "docs" / "builtin-profiles.md"

_INTRODUCTION = """\
# Built-in profiles

Made from `pipeline/data/profiles/` by `python -m pipeline.profile.pages`; not to be edited.

The one that fits a file best is found by itself; `--profile NAME` says it outright, `--profile none` takes
none. A system that is not here takes a profile of your own: see [profiles](profiles.md).
"""


def page() -> str:
    """The whole page as Markdown."""
    sections = [_section(name, load_profile(name)) for name in builtin.names()]
    return "\n".join([_INTRODUCTION, *(sections or ["There is none yet.\n"])])


def _section(name: str, profile: Profile) -> str:
    return "\n".join(_lines(name, profile)) + "\n"


def _lines(name: str, profile: Profile) -> Iterator[str]:
    about = profile.profile
    yield f"## {name}: {about.title}"
    yield ""
    checked = "checked" if about.verified else "not checked"
    yield f"Source of the layout: {about.source} ({checked} against the vendor's own description)."
    yield ""
    if about.limits:
        yield "Limits:"
        yield ""
        yield from (f"- {limit}" for limit in about.limits)
        yield ""
    rows = [*columns_of(profile)]
    if rows:
        yield "| Table | Column | Field |"
        yield "| --- | --- | --- |"
        yield from (
            f"| {where} | {_cell(column)} | {_cell(field, code=True)} |" for where, column, field in rows
        )
        yield ""
    yield "```toml"
    yield (builtin.FOLDER / f"{name}.toml").read_text(encoding="utf-8").strip()
    yield "```"


def _cell(text: str, *, code: bool = False) -> str:
    shown = text.replace("|", "\\|")
    return f"`{shown}`" if code and shown else shown or "ignored"


def main() -> int:
    """Write both, or with `--check` only say whether they are up to date."""
    made = {schema.PATH: schema.text(), PAGE: page()}
    stale = [path for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" not in sys.argv[1:]:
        for path in stale:
            path.write_text(made[path], encoding="utf-8")
        return 0
    for path in stale:
        sys.stderr.write(f"{path.parent.name}/{path.name} is stale: run python -m pipeline.profile.pages\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
