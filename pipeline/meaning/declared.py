"""What a profile's `[[leave_out]]`, `[[split]]`, `[texts]`, `[expressions]` and `[[set]]` read and make."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pipeline.meaning.expression import parse
from pipeline.profile import Profile
from pipeline.profile.model import LeaveOut, Setting, Split

_IN_BRACES = re.compile(r"\{([^{}]+)\}")


class Step(NamedTuple):
    """One declaration: the fields that it makes, and the columns (or fields) that it reads by name."""

    fields: list[str]
    names: list[str]
    conditional: bool = False
    """Whether a field keeps the value of its own column where a condition does not hold."""


def steps(profile: Profile) -> Iterator[Step]:
    """All of a profile's declarations, in the order in which they are applied."""
    yield from map(_of_leave_out, profile.leave_out)
    yield from map(_of_split, profile.split)
    yield from map(_of_text, profile.texts.items())
    yield from map(_of_expression, profile.expressions.items())
    yield from map(_of_setting, profile.set)


def made(profile: Profile) -> set[str]:
    """The fields that come about by declarations, whatever columns there are."""
    return {field for step in steps(profile) for field in step.fields}


def computed(profile: Profile) -> set[str]:
    """Those of them that take the place of a column of their own."""
    return {field for step in steps(profile) if not step.conditional for field in step.fields}


def narrowed(profile: Profile, here: Callable[[str], bool], elsewhere: Callable[[str], bool]) -> Profile:
    """The profile without the declarations that read nothing but columns of the other of two tables.

    Args:
        profile: the whole profile.
        here: whether this table has a column of that name.
        elsewhere: whether the other one has it.
    """

    def stays(step: Step) -> bool:
        return not step.names or any(map(here, step.names)) or not all(map(elsewhere, step.names))

    return profile.model_copy(
        update={
            "leave_out": [each for each in profile.leave_out if stays(_of_leave_out(each))],
            "split": [each for each in profile.split if stays(_of_split(each))],
            "texts": dict(each for each in profile.texts.items() if stays(_of_text(each))),
            "expressions": dict(each for each in profile.expressions.items() if stays(_of_expression(each))),
            "set": [each for each in profile.set if stays(_of_setting(each))],
        }
    )


def _of_leave_out(declared: LeaveOut) -> Step:
    return Step([], [*declared.when], conditional=True)


def _of_split(declared: Split) -> Step:
    return Step([field for field in declared.into if field], [declared.column])


def _of_text(declared: tuple[str, str]) -> Step:
    return Step([declared[0]], _IN_BRACES.findall(declared[1]))


def _of_expression(declared: tuple[str, str]) -> Step:
    return Step([declared[0]], [*parse(declared[1]).cells])


def _of_setting(declared: Setting) -> Step:
    return Step([*declared.to], [*declared.when], conditional=True)
