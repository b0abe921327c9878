"""Which profile a run takes: the one that it was given, that its corrections come from, or that fits best."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from pipeline.corrections.status import remembered_profile
from pipeline.documents import open_files
from pipeline.findings import Place, Refusal, refuse
from pipeline.profile import builtin
from pipeline.profile.choose import Fit, best_of, choose, fit_of, has_marks
from pipeline.profile.load import load_profile
from pipeline.profile.model import Profile
from pipeline.readers.inputs import Input
from pipeline.readers.table import Table
from pipeline.subject import Subject


class Decision(NamedTuple):
    """A run's profile; `name` is as it is given with `--profile`, None where there is none.

    `reason` is why it is proposed, None where nobody needs to agree to it. `opened` are the run's files,
    where they were opened to decide and need not be again.
    """

    profile: Profile
    name: str | None = None
    reason: str | None = None
    opened: Sequence[list[Table]] | None = None


def profile_for(given: str | None, inputs: Sequence[Input], subject: Subject) -> Decision:
    """The profile for these inputs.

    Args:
        given: what `--profile` says, if anything.
        inputs: the files.
        subject: what the rows are; only for invoices a profile is looked for.

    Raises:
        Refusal: the profile is wrong, several fit, or corrections come from one that is not given.
    """
    if given is not None or subject.kind:
        return Decision(load_profile(given, subject), given)
    if remembered := sorted({name for each in inputs if (name := remembered_profile(each.path))}):
        if len(remembered) > 1 or remembered[0] not in {*builtin.names(), builtin.NONE}:
            raise refuse("profile-remembered", Place(inputs[0].name), profile=" and ".join(remembered))
        return Decision(load_profile(remembered[0]), remembered[0])
    known = builtin.profiles(builtin.FOLDER)
    if not known:
        return Decision(Profile())
    try:
        files = open_files(inputs, Profile())
    except Refusal:
        fit = best_of(_by_own_reading(known, inputs), inputs[0].name)
        if not fit:
            raise
    else:
        marked = {
            name: profile
            for name, profile in known.items()
            if all(any(has_marks(profile, table) for table in file) for file in files)
        }
        fit = choose(files) or best_of(_by_own_reading(marked, inputs), inputs[0].name)
        if not fit:
            return Decision(Profile(), opened=files)
    return Decision(fit.profile, fit.name, fit.reason)


def _by_own_reading(known: dict[str, Profile], inputs: Sequence[Input]) -> list[Fit]:
    """The profiles that fit files which can be read only as they say, such as records of several kinds."""
    found = []
    for name, profile in known.items():
        with suppress(Refusal):
            if fit := fit_of(name, profile, open_files(inputs, profile)):
                found.append(fit)
    return found
