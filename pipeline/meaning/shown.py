"""What a profile's declarations mean and did, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from pipeline.language import translate
from pipeline.meaning.apply import ANY_OTHER, Step, steps
from pipeline.meaning.left_out import LEFT_OUT, LeftOut
from pipeline.privacy import mask, mask_govid
from pipeline.profile import Profile
from pipeline.readers.table import EXACT, PROBLEMS, ROW, Problem
from pipeline.values.convert import clean

if TYPE_CHECKING:
    from pipeline.columns.layouts import Layout


class Change(NamedTuple):
    """What one declaration did to one row; personal identity codes are masked.

    `read` holds the cells that it read, by name. `field` is the field whose text became `after`; None where
    the row is left out, for the reason in `after`. `problems` are the codes of what it could not do.
    """

    step: str
    row: int
    read: dict[str, str]
    field: str | None
    before: str
    after: str
    problems: tuple[str, ...]


def explain(profile: Profile) -> list[str]:
    """What each declaration about the meaning of cells says, a sentence each, in the user's language."""
    return [mask(sentence) for sentence in _sentences(profile)]


def trace(frame: pd.DataFrame, layout: Layout, profile: Profile) -> list[Change]:
    """What each declaration did to the rows of a frame; rows to which it did nothing are not there.

    Args:
        frame: data rows as `meaning.apply` takes them.
        layout: which column is which field.
        profile: the declarations.
    """
    changes: list[Change] = []
    for step in steps(layout, profile):
        after = step.run(frame)
        changes += _changes(step, frame, after, layout)
        frame = after
    return changes


def _sentences(profile: Profile) -> Iterator[str]:
    for leaving in profile.leave_out:
        yield translate(
            "Rows where {condition} are left out: {reason}.",
            condition=_condition(leaving.when),
            reason=leaving.reason,
        )
    for split in profile.split:
        fields = ", ".join(field for field in split.into if field)
        if not fields:
            yield translate(
                "“{column}” must have the form “{pattern}”.", column=split.column, pattern=split.pattern
            )
            continue
        yield translate("“{column}” is split into {fields}.", column=split.column, fields=fields)
    for field, template in profile.texts.items():
        yield translate("{field} is put together as “{template}”.", field=field, template=template)
    for field, expression in profile.expressions.items():
        yield translate(
            "{field} is computed: {expression}.", field=field, expression=" ".join(expression.split())
        )
    for setting in profile.set:
        values = ", ".join(
            translate("{field} is {text}", field=field, text=_quoted(value))
            for field, value in setting.to.items()
        )
        yield translate("Where {condition}, {values}.", condition=_condition(setting.when), values=values)
    for field, pairs in profile.values.items():
        meant = ", ".join(
            translate("any other text means {value}", value=_quoted(value))
            if text == ANY_OTHER
            else translate("{text} means {value}", text=_quoted(text), value=_quoted(value))
            for text, value in pairs.items()
        )
        yield translate("In {field}, {meant}.", field=field, meant=meant)


def _condition(when: Mapping[str, str | list[str]]) -> str:
    parts = []
    for column, allowed in when.items():
        texts = [_quoted(text) for text in ([allowed] if isinstance(allowed, str) else allowed)]
        *others, one_of = texts or ["–"]
        if others:
            one_of = translate("{texts} or {last}", texts=", ".join(others), last=one_of)
        parts.append(translate("“{column}” is {texts}", column=column, texts=one_of))
    *others, last = parts or ["–"]
    return translate("{parts} and {last}", parts=", ".join(others), last=last) if others else last


def _quoted(text: str) -> str:
    return f"“{text}”" if text.strip() else translate("blank")


def _changes(step: Step, before: pd.DataFrame, after: pd.DataFrame, layout: Layout) -> Iterator[Change]:
    read = {name: before[label].tolist() for name, label in step.reads.items()}
    told = [
        tuple(each.code for each in Problem.unpack(now)[len(Problem.unpack(was)) :])
        for was, now in zip(before[PROBLEMS].tolist(), after[PROBLEMS].tolist(), strict=True)
    ]
    for field in step.makes or (None,):
        old, new = _held(before, field, layout), _held(after, field, layout)
        hide = mask_govid if field == "govid" else mask
        for at, row in enumerate(after[ROW].tolist()):
            if old[at] != new[at] or told[at]:
                own = {name: hide(_plain(cells[at])) for name, cells in read.items()}
                was, now = hide(_plain(old[at])), hide(_plain(new[at]))
                yield Change(step.name, int(row), own, field, was, now, told[at])


def _held(frame: pd.DataFrame, field: str | None, layout: Layout) -> list[str]:
    """What the rows hold of a field so far; of none, the reasons for which they are left out."""
    if field is None:
        return (
            [LeftOut.reason_in(text) for text in frame[LEFT_OUT]] if LEFT_OUT in frame else [""] * len(frame)
        )
    own = next((at for at, path in layout.fields.items() if path == field), None)
    label = field if field in frame else own
    return [""] * len(frame) if label is None else frame[label].tolist()


def _plain(text: str) -> str:
    return clean(text).replace(EXACT, "")
