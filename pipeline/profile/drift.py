"""Holds a file's header against the one its profile was written for: what is gone, new, moved or respelt.

A profile with `[expects] headers` knows the whole header. One without knows the headers of its `[columns]`,
of which a file may lack some, as one profile may serve several exports.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.columns.layouts import Layout, find_field, tables_of
from pipeline.corrections.status import is_corrections
from pipeline.findings import Finding, Place, finding, refuse
from pipeline.language import translate
from pipeline.profile.model import Profile
from pipeline.profile.reads import columns_named, is_among, names_read
from pipeline.profile.words import words
from pipeline.values.words import normalise

_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Drift:
    """What became of the headers expected, and what is there beside them.

    `respelt` and `alike` are header → the header of the file that is the same in other signs, or looks
    like it; `gone` are headers with neither, `added` the file's that are none of all these; `moved` is
    header → the header that it stood behind, `""` for the first.
    """

    respelt: dict[str, str]
    alike: dict[str, str]
    gone: list[str]
    added: list[str]
    moved: dict[str, str]


def compare(expected: Sequence[str], present: Sequence[str]) -> Drift:
    """How a header differs from the one expected; both in order."""
    lacking = [each for each in expected if each not in present]
    new = [each for each in present if each not in expected]
    respelt = _paired(lacking, new, lambda one, other: normalise(one) == normalise(other))
    new = [each for each in new if each not in respelt.values()]
    alike: dict[str, str] = {}
    for header in lacking:
        if header not in respelt and (found := _closest(header, new)):
            alike[header] = found
            new.remove(found)
    gone = [each for each in lacking if each not in respelt and each not in alike]
    now = {found: header for header, found in (respelt | alike).items()}
    return Drift(respelt, alike, gone, new, _moved(expected, [now.get(each, each) for each in present]))


def refuse_drift(layouts: Iterable[Layout], profile: Profile) -> None:
    """See that every column that the profile reads is still there.

    Raises:
        Refusal: `profile-header-gone`: one is gone and not optional, or gone and another looks like it.
    """
    read = _expected_and_read(profile)
    for group in _groups(layouts, profile):
        drift = compare(profile.expects.headers, [header for _, _, header in _headers(group)])
        sentences = [
            translate(words()["drift"]["alike"], header=header, found=found)
            for header, found in drift.alike.items()
            if header in read
        ] + [
            translate(words()["drift"]["gone"], header=header)
            for header in drift.gone
            if header in read and header not in profile.expects.optional
        ]
        if sentences:
            raise refuse("profile-header-gone", _place(group[0]), gone=" ".join(sentences))


def drift_findings(layouts: Iterable[Layout], profile: Profile) -> list[Finding]:
    """What else has changed, a warning each."""
    tables = tables_of(layouts)
    if not profile.expects.headers:
        return [*_unused(tables, profile)]
    found = [each for group in _groups(tables, profile) for each in _told(group, profile)]
    return list(dict.fromkeys(found))


def _groups(layouts: Iterable[Layout], profile: Profile) -> list[tuple[Layout, ...]]:
    """The tables that have the headers expected: each by itself, or of each of two joined ones one.

    Corrections have the header of an export that was held against the profile before.
    """
    tables = [each for each in tables_of(layouts) if not is_corrections(each.table.head)]
    if not profile.expects.headers:
        return []
    if not profile.tables:
        return [(each,) for each in tables]
    parts = [[each for each in tables if each.part == part] for part in profile.tables]
    if not all(parts):
        return []
    most = max(map(len, parts))
    return [tuple(some[min(at, len(some) - 1)] for some in parts) for at in range(most)]


def _headers(group: Iterable[Layout]) -> list[tuple[Layout, int, str]]:
    """Every header with its table and column, in order."""
    return [(layout, column, layout.headers[column]) for layout in group for column in sorted(layout.headers)]


def _told(group: Sequence[Layout], profile: Profile) -> Iterator[Finding]:
    headers = _headers(group)
    places = {header: (layout, column) for layout, column, header in reversed(headers)}
    drift = compare(profile.expects.headers, [header for _, _, header in headers])
    read = _expected_and_read(profile)

    def of(header: str) -> Place:
        layout, column = places[header]
        return layout.heading(column)

    for header, found in drift.respelt.items():
        if header in read:
            yield finding("profile-header-renamed", of(found), header=header, found=found)
    for header in [*drift.gone, *drift.alike]:
        if header not in profile.expects.optional:  # one that is read was refused
            yield finding("profile-header-missing", _place(group[0]), header=header)
    for header in [*drift.added, *drift.alike.values()]:
        if not is_among(header, columns_named(profile)):
            layout, column = places[header]
            fields = ", ".join(layout.read.get(column, []))
            use = translate(words()["drift"]["read" if fields else "ignored"], field=fields)
            yield finding("profile-header-added", of(header), header=header, use=use)
    now = drift.respelt | drift.alike
    for header, behind in drift.moved.items():
        before = translate(words()["drift"]["behind" if behind else "first"], header=behind)
        yield finding("profile-header-moved", of(now.get(header, header)), header=header, before=before)


def _unused(layouts: Sequence[Layout], profile: Profile) -> Iterator[Finding]:
    """Headers of `[columns]` that no table of the run has."""
    if not profile.reading.header or profile.records or not layouts:
        return
    present = list(dict.fromkeys(header for each in layouts for header in each.headers.values()))
    columns = columns_named(profile)
    unread = [header for header in present if not is_among(header, columns)]
    for header, field in columns.items():
        if field and not any(is_among(each, [header]) for each in present):
            near = _closest(header, unread)
            shown = f"“{near}”" if near else translate(words()["form"]["none_close"])
            yield finding("profile-column-unused", _place(layouts[0]), header=header, closest=shown)


def _expected_and_read(profile: Profile) -> set[str]:
    """Of the headers expected those that are read: a declaration says so, or they are known by themselves."""
    read = names_read(profile)
    plain = Profile(columns=columns_named(profile))
    return {each for each in profile.expects.headers if is_among(each, read) or find_field(each, plain)}


def _paired(lacking: Iterable[str], new: Iterable[str], same: Callable[[str, str], bool]) -> dict[str, str]:
    left = list(new)
    pairs = {}
    for header in lacking:
        if found := next((each for each in left if same(header, each)), None):
            pairs[header] = found
            left.remove(found)
    return pairs


def _closest(header: str, among: Sequence[str]) -> str | None:
    """The header that looks most like this one, if any does."""
    spelt = {normalise(each): each for each in among}
    close = difflib.get_close_matches(normalise(header), spelt, n=1, cutoff=_ALIKE)
    return spelt[close[0]] if close else None


def _moved(expected: Sequence[str], present: Sequence[str]) -> dict[str, str]:
    """The headers that stand in another order, as few as explain it, with those they stood behind."""
    known, held = set(expected), set(present)
    before = [each for each in expected if each in held]
    now = [each for each in present if each in known]
    matcher = difflib.SequenceMatcher(None, before, now, autojunk=False)
    kept = {
        each for block in matcher.get_matching_blocks() for each in before[block.a : block.a + block.size]
    }
    return {header: before[at - 1] if at else "" for at, header in enumerate(before) if header not in kept}


def _place(layout: Layout) -> Place:
    return Place(layout.table.file, layout.table.sheet, layout.header_row)
