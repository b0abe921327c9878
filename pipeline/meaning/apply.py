"""What the cells of a table mean, as a profile declares it: rows left out, fields and values that follow.

Every declaration is a step from frame to frame, so that `profile check` can show what each one did. A step
works once a distinct text, or distinct combination of texts, however many rows have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd

from pipeline.meaning.checks import BRACES, match_key
from pipeline.meaning.declared import steps as declared_steps
from pipeline.meaning.expression import Failed, UnreadableCell, evaluator, parse
from pipeline.meaning.left_out import LeftOut, mark
from pipeline.profile import Profile
from pipeline.readers.table import DAMAGES_ROW, EXACT, FOLLOWS, PROBLEMS, Problem
from pipeline.rows.cell_tests import is_blank, rows_where
from pipeline.rows.frames import categorical, codes, texts
from pipeline.subject import Subject, is_of_row
from pipeline.values.convert import clean, number
from pipeline.values.money import decimal_text

if TYPE_CHECKING:
    from pipeline.columns.layouts import Layout

ANY_OTHER = "*"
"""In `[values]`: any other text."""

Label = int | str
"""A column of a frame in the making: a position in the file, or a field that a declaration made."""

_NUMBERS = frozenset({"money", "decimal", "percent", "number", "integer"})
_Ints = np.ndarray[Any, np.dtype[np.int64]]
_Bools = np.ndarray[Any, np.dtype[np.bool_]]


class Step(NamedTuple):
    """One declaration at work.

    `name` is its path in the profile (`split.0`), `reads` the columns that it reads, by the name that the
    declaration has for each, `makes` the fields whose columns it makes or changes.
    """

    name: str
    reads: dict[str, Label]
    makes: tuple[str, ...]
    run: Callable[[pd.DataFrame], pd.DataFrame]


class _Work(NamedTuple):
    """What a step works with: which declaration of its section it is, and as in `Step`."""

    which: int | str
    reads: dict[str, Label]
    makes: tuple[str, ...]
    layout: Layout
    profile: Profile


def apply(frame: pd.DataFrame, layout: Layout, profile: Profile) -> pd.DataFrame:
    """The data rows under their fields' names.

    Rows that the profile leaves out are still there, but marked in `@left_out` (`left_out`): whether
    an invoice goes as a whole shows only when all its rows are together.

    Args:
        frame: columns 0, 1, 2… with the cells' texts, `@row`, `@problems`, and `@follows` if rows can.
        layout: which column is which field.
        profile: the declarations; those that name a column that the table does not have do nothing.
    """
    for step in steps(layout, profile):
        frame = step.run(frame)
    mapped = {at: field for at, field in layout.fields.items() if field not in frame.columns}
    unused = [at for at in frame.columns if isinstance(at, int) and at not in mapped]
    return frame.drop(columns=[*unused, FOLLOWS], errors="ignore").rename(columns=mapped)


def steps(layout: Layout, profile: Profile) -> list[Step]:
    """The declarations that concern this table, ready to run one after another.

    They have passed `declaration_checks.check_expressions`, as those of every layout have.
    """
    found = []
    made: set[str] = set()
    for path, names, makes in _declarations(profile):
        reads = {name: _label(name, layout, made) for name in names}
        if path[0] == "values":
            reads = {field: _of_field(field, layout, made) for field in names}
        known = {name: label for name, label in reads.items() if label is not None}
        if len(known) == len(reads):
            work = _Work(path[1], known, makes, layout, profile)
            found.append(Step(".".join(map(str, path)), known, makes, partial(_RUNS[path[0]], work)))
            made.update(makes)
    return found


def _declarations(profile: Profile) -> Iterator[tuple[tuple[str, int | str], list[str], tuple[str, ...]]]:
    """Each declaration's path in the profile, the columns that it names and the fields that it makes."""
    paths: list[tuple[str, int | str]] = [
        *(("leave_out", at) for at in range(len(profile.leave_out))),
        *(("split", at) for at in range(len(profile.split))),
        *(("texts", field) for field in profile.texts),
        *(("expressions", field) for field in profile.expressions),
        *(("set", at) for at in range(len(profile.set))),
    ]
    for path, declared in zip(paths, declared_steps(profile), strict=True):
        yield path, declared.names, tuple(declared.fields)
    for field in profile.values:
        yield ("values", field), [field], (field,)


# -- the steps -------------------------------------------------------------------------------------


def _leave_out(work: _Work, frame: pd.DataFrame) -> pd.DataFrame:
    declared = work.profile.leave_out[int(work.which)]
    labels = [*work.reads.values()]
    group, combinations = _combined(frame, labels)
    wanted = _wanted(declared.when)
    holds = _per_row([_meets(each, wanted) for each in combinations], group)
    silent = _per_row([not any(map(clean, each)) for each in combinations], group)
    number = crc32(declared.model_dump_json().encode())  # the same in each of two joined tables
    left = LeftOut(number, _at(labels[0]), declared.reason)
    return mark(frame, left, holds & ~_unreadable(frame, labels), silent)


def _split(work: _Work, frame: pd.DataFrame) -> pd.DataFrame:
    split = work.profile.split[int(work.which)]
    (label,) = work.reads.values()
    matches = re.compile(split.pattern).fullmatch
    cells = [_plain(text) for text in texts(frame[label])]
    found = [matches(text) if text else None for text in cells]
    group = codes(frame[label])
    frame = frame.copy(deep=False)
    for at, field in enumerate(split.into):
        if field:
            parts = [clean(match[at + 1] or "") if match else "" for match in found]
            frame[field] = _column(group, parts)
    told = {
        at: Problem(_at(label), "split-mismatch" if work.makes else "cell-form", text, ", ".join(work.makes))
        for at, (text, match) in enumerate(zip(cells, found, strict=True))
        if text and not match
    }
    return _with_problems(frame, group, told)


def _text(work: _Work, frame: pd.DataFrame) -> pd.DataFrame:
    field = work.makes[0]
    template = work.profile.texts[field]
    group, combinations = _combined(frame, [*work.reads.values()])
    alone = template.strip() == "{" + next(iter(work.reads)) + "}"  # a copy stays the number that it was

    def filled(own: dict[str, str]) -> str:
        return clean(BRACES.sub(lambda match: own[match[1]], template))

    def made(cells: Sequence[str]) -> str:
        own = [clean(cell) if alone else _plain(cell) for cell in cells]
        return filled(dict(zip(work.reads, own, strict=True))) if any(own) else ""

    return frame.assign(**{field: _column(group, [made(each) for each in combinations])})


def _expression(work: _Work, frame: pd.DataFrame) -> pd.DataFrame:
    field = work.makes[0]
    evaluate = evaluator(parse(work.profile.expressions[field]), work.profile.conventions)
    group, combinations = _combined(frame, [*work.reads.values()])
    results, told = [""] * len(combinations), {}
    for at, cells in enumerate(combinations):
        try:
            results[at] = evaluate(dict(zip(work.reads, cells, strict=True)))
        except UnreadableCell as unread:
            told[at] = Problem(_at(work.reads[unread.cell.header]), unread.problem.code, _plain(unread.cell))
        except Failed as failed:
            place = _at(next(iter(work.reads.values()), ""))
            value = _plain(cells[0]) if cells else ""
            told[at] = Problem(place, "expression-failed", value, f"{field}: {failed}")
    group = np.where(_says_nothing(frame, field, work), len(results), group)
    frame = frame.assign(**{field: _column(group, [*results, ""])})
    return _with_problems(frame, group, told)


def _set(work: _Work, frame: pd.DataFrame) -> pd.DataFrame:
    setting = work.profile.set[int(work.which)]
    group, combinations = _combined(frame, [*work.reads.values()])
    wanted = _wanted(setting.when)
    holds = _per_row([_meets(each, wanted) for each in combinations], group)
    frame = frame.copy(deep=False)
    for field, value in setting.to.items():
        present = _of_field(field, work.layout, frame.columns)
        own, before = _combined(frame, [] if present is None else [present])
        cells = [*(each[0] if each else "" for each in before)]
        given = _as_cell(value, field, work.profile, work.layout.subject)
        changes = holds & ~_says_nothing(frame, field, work)
        frame[field] = _column(np.where(changes, len(cells), own), [*cells, given])
    return frame


def _values(work: _Work, frame: pd.DataFrame) -> pd.DataFrame:
    field = work.makes[0]
    (label,) = work.reads.values()
    pairs = {
        match_key(text): _as_cell(value, field, work.profile, work.layout.subject)
        for text, value in work.profile.values[field].items()
    }

    def value(text: str) -> str:
        key = match_key(text)
        if key in pairs:
            return pairs[key]
        return pairs.get(ANY_OTHER, text) if clean(text) else text

    cells = texts(frame[label]).tolist()
    group = codes(frame[label])
    stays = np.where(_says_nothing(frame, field, work), group + len(cells), group)
    return frame.assign(**{field: _column(stays, [*map(value, cells), *cells])})


_RUNS = {
    "leave_out": _leave_out,
    "split": _split,
    "texts": _text,
    "expressions": _expression,
    "set": _set,
    "values": _values,
}


# -- what the steps share --------------------------------------------------------------------------


def _label(name: str, layout: Layout, made: set[str]) -> Label | None:
    """The column that a declaration names: by its header, its field, or its position."""
    column = layout.column(name)
    return name if column is None and name in made else column


def _of_field(field: str, layout: Layout, made: Any) -> Label | None:
    """The column that holds a field so far."""
    if field in made:
        return field
    return next((at for at, path in layout.fields.items() if path == field), None)


def _says_nothing(frame: pd.DataFrame, field: str, work: _Work) -> _Bools:
    """Rows of which a declaration tells no value of a field, though their cells would give one.

    A row below its invoice's first one, or its record, has no cells of the invoice itself: what follows from
    a blank one there is not the invoice's. Nor does an invoice's record make an invoice row.
    """
    follows = _follows(frame, work.layout)
    if follows is None:
        return np.zeros(len(frame), bool)
    if is_of_row(field):
        return ~follows if work.profile.records else np.zeros(len(frame), bool)
    blank = [rows_where(frame[label], is_blank) for label in work.reads.values()]
    return np.logical_and(follows, np.logical_or.reduce([np.zeros(len(frame), bool), *blank]))


def _follows(frame: pd.DataFrame, layout: Layout) -> _Bools | None:
    """Rows that have their invoice from above, or from another record; None where there are none such."""
    if FOLLOWS in frame:
        follows: _Bools = frame[FOLLOWS].to_numpy(bool)
        return follows
    kinds = [{*each.columns.values()} for each in layout.profile.records if not each.ignored]
    if not kinds:
        return None
    own = kinds[-1].difference(*kinds[:-1])
    columns = [at for at, header in layout.headers.items() if header in own and at in frame]
    filled = [~rows_where(frame[column], is_blank) for column in columns]
    is_filled: _Bools = np.logical_or.reduce([np.zeros(len(frame), bool), *filled])
    return is_filled


def _per_row(verdicts: list[bool], group: _Ints) -> _Bools:
    return np.array(verdicts, bool)[group]


def _at(label: Label) -> int | None:
    return label if isinstance(label, int) else None


def _plain(text: str) -> str:
    return clean(text).replace(EXACT, "")


def _as_cell(value: str, field: str, profile: Profile, subject: Subject) -> str:
    """A value of a profile as a cell holds it; a number is marked, so that it proves nothing of the file."""
    if not value or subject.value_kind(field) not in _NUMBERS:
        return value
    text = decimal_text(number(value, profile.conventions))
    return text + EXACT if "." in text else text


def _wanted(when: Mapping[str, str | list[str]]) -> list[frozenset[str]]:
    """For each column of a condition the texts that it may hold."""
    return [
        frozenset(_plain(text).casefold() for text in ([allowed] if isinstance(allowed, str) else allowed))
        for allowed in when.values()
    ]


def _meets(cells: Sequence[str], wanted: Sequence[frozenset[str]]) -> bool:
    return all(_plain(cell).casefold() in allowed for cell, allowed in zip(cells, wanted, strict=True))


def _combined(frame: pd.DataFrame, labels: Sequence[Label]) -> tuple[_Ints, list[tuple[str, ...]]]:
    """Which of the distinct combinations of texts in those columns each row has, and the combinations."""
    if len(labels) == 1:
        return codes(frame[labels[0]]), [(text,) for text in texts(frame[labels[0]])]
    group = np.zeros(len(frame), np.int64)
    for label in labels:
        group, _ = pd.factorize(group * len(texts(frame[label])) + codes(frame[label]))
    _, first = np.unique(group, return_index=True)
    columns = [texts(frame[label])[codes(frame[label])[first]] for label in labels]
    return group, [*zip(*columns, strict=True)] if labels else [()] * len(first)


def _column(group: _Ints, cells: Sequence[str]) -> pd.Categorical:
    """The column whose row i holds the text of its group; texts of several groups may be the same."""
    distinct = {text: code for code, text in enumerate(dict.fromkeys([*cells, ""]))}
    return categorical(np.array([distinct[text] for text in cells], np.int64)[group], [*distinct])


def _with_problems(frame: pd.DataFrame, group: _Ints, told: Mapping[int, Problem]) -> pd.DataFrame:
    """The frame with the problem of each group noted on its rows."""
    if not told:
        return frame
    packed = frame[PROBLEMS].astype(object).to_numpy(copy=True)
    for row in np.flatnonzero(np.isin(group, [*told])).tolist():
        packed[row] = Problem.pack([*Problem.unpack(packed[row]), told[int(group[row])]])
    return frame.assign(**{PROBLEMS: pd.Series(packed, frame.index).astype(_like(frame[PROBLEMS]))})


def _like(column: pd.Series[Any]) -> Any:
    return "category" if isinstance(column.dtype, pd.CategoricalDtype) else object


def _unreadable(frame: pd.DataFrame, labels: Sequence[Label]) -> _Bools:
    """Rows of which a cell in those columns could not be read: nothing may follow from it unseen."""
    packed = frame[PROBLEMS].astype(object).to_numpy()
    result = np.zeros(len(frame), bool)
    for row in np.flatnonzero(packed != "").tolist():
        result[row] = any(
            each.column is None or each.column in labels or each.code in DAMAGES_ROW
            for each in Problem.unpack(packed[row])
        )
    return result
