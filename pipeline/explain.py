"""Explains findings: what one means, what to do, where its rule comes from, an example wrong and right."""

from __future__ import annotations

import difflib
import re
import tomllib
from functools import cache

from pipeline.findings import Severity, catalogue, refuse
from pipeline.language import translate
from pipeline.resources import data_text


@cache
def explanations() -> dict[str, dict[str, str]]:
    """What `data/explanations.toml` adds to findings, by code."""
    return tomllib.loads(data_text("explanations.toml"))


def explain(code: str) -> list[str]:
    """The explanation of a finding, line by line.

    Raises:
        Refusal: `code-unknown`.
    """
    entry = catalogue().get(code)
    if entry is None:
        closest = ", ".join(difflib.get_close_matches(code, catalogue(), n=3, cutoff=0.4))
        raise refuse("code-unknown", value=code, closest=closest or "–")
    more = explanations().get(code, {})
    lines = [f"{code} ({severity_word(Severity(entry['severity']))})", ""]
    lines += [_shown(entry["message"]), ""]
    if "explanation" in more:
        lines += [translate(more["explanation"]), ""]
    told = {
        translate("What to do"): _shown(entry["remedy"]),
        translate("Where the rule comes from"): entry["source"],
    }
    if "wrong" in more:
        told |= {translate("Wrong"): more["wrong"], translate("Right"): more["right"]}
    return lines + [f"{title}: {text}" for title, text in told.items()]


def overview() -> list[str]:
    """Every code with its message, by how much it weighs."""
    lines: list[str] = []
    for severity in Severity:
        lines += ["", severity_word(severity), ""]
        lines += [
            f"  {code:<32} {_shown(entry['message'])}"
            for code, entry in sorted(catalogue().items())
            if entry["severity"] == severity
        ]
    return lines[1:]


def _shown(text: str) -> str:
    """A text of the catalogue, with dots where a finding has its own details."""
    return re.sub(r"\{[a-z_]+\}", "…", translate(text))


def severity_word(severity: Severity) -> str:
    """How much a finding weighs, in words."""
    return {
        Severity.ERROR: translate("error: the invoice is not sent"),
        Severity.WARNING: translate("warning: worth a look, the invoice is sent"),
        Severity.REPAIR: translate("repair: corrected by the program, the invoice is sent"),
    }[severity]
