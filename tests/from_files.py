"""Real files read as a run reads them, up to the checked documents: all that comes before the ledger."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from made import TODAY

from pipeline.attachments import Attachments
from pipeline.columns.layouts import Layout
from pipeline.document import Document
from pipeline.documents import documents, read_layouts
from pipeline.findings import Finding, Severity
from pipeline.options import Options
from pipeline.profile import Profile
from pipeline.profile.decide import Decision, profile_for
from pipeline.profile.drift import drift_findings
from pipeline.readers.inputs import expanded
from pipeline.rows.named import Intake
from pipeline.screens.terminal import Screen
from pipeline.subject import INVOICES
from pipeline.targets import Country, Target

QUIET = Screen(io.StringIO())


class Read(NamedTuple):
    """What files came to; `layouts` are those of the files, `warnings` what was found before any row."""

    documents: list[Document]
    intake: Intake
    layouts: list[Layout]
    warnings: list[Finding]
    profile: str | None

    @property
    def findings(self) -> list[Finding]:
        """Everything that was found."""
        return [
            *self.warnings,
            *self.intake.findings,
            *(each for document in self.documents for each in document.findings),
        ]

    @property
    def errors(self) -> list[str]:
        """What keeps anything from being sent, in words."""
        return [each.message for each in self.findings if each.severity is Severity.ERROR]


def read(
    inputs: Sequence[Path],
    profile: str | Path | Profile | None = "none",
    country: Country = Country.FI,
) -> Read:
    """The documents of those inputs, checked.

    Args:
        inputs: files, folders, archives.
        profile: as `--profile`, or what it has been loaded to; None has the built-in one chosen that fits.
        country: as `--country`.

    Raises:
        Refusal: as the command line does.
    """
    loaded = profile if isinstance(profile, Profile) else None
    named = None if profile is None or loaded else str(profile)
    options = Options("check", tuple(inputs), Target.SANDBOX, country, named, Path(), "", sends=False)
    with expanded(inputs) as found:
        decision = Decision(loaded) if loaded else profile_for(named, found.files, INVOICES)
        layouts = read_layouts(found.files, decision.profile, INVOICES, opened=decision.opened)
        intake = Intake()
        made: list[Document] = []
        for chunk in documents(layouts, decision.profile, options, Attachments(), intake, QUIET, day=TODAY):
            made += chunk.documents
        warnings = [*found.findings, *drift_findings(layouts, decision.profile)]
    return Read(made, intake, layouts, warnings, decision.name)


def canonical(found: Iterable[Document]) -> list[str]:
    """The datasets as canonical JSON, by bill number."""
    return sorted(json.dumps(each.dataset, sort_keys=True, ensure_ascii=False, default=str) for each in found)


def toml(declared: Mapping[str, Any]) -> str:
    """A profile as its file."""
    lines = []
    for section, content in declared.items():
        for part in content if isinstance(content, list) else [content]:
            lines.append(f"[[{section}]]" if isinstance(content, list) else f"[{section}]")
            lines += [
                f"{json.dumps(key, ensure_ascii=False)} = {_value(value)}" for key, value in part.items()
            ]
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_value(key)} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
