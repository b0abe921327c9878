"""The small expressions of a profile: checked before any file is read, evaluated without `eval`.

    round(number(cell("Hinta")) / 100, 2)
    "1" if cell("Tyyppi") == "H" else "0"

Numbers are `Decimal` throughout: a literal is read from its own digits, never through a float.
What an expression may hold is `_ALLOWED`; `simpleeval` evaluates the tree.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache, partial
from typing import Any, cast

from simpleeval import SimpleEval

from pipeline.language import translate
from pipeline.profile import Conventions
from pipeline.readers.table import EXACT
from pipeline.values.convert import MOST_DIGITS, Unreadable, clean
from pipeline.values.convert import number as read_number
from pipeline.values.money import decimal_text

LONGEST, DEEPEST = 1_000, 40
"""How many characters an expression may have, and how many levels."""
LONGEST_TEXT = 10_000
"""How many characters a text made by an expression may have."""
MOST_DECIMALS = 10
"""How many decimals a result may have; one with more must be rounded by the expression itself."""

_ALLOWED = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Call, ast.IfExp),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.UAdd),
    *(ast.BoolOp, ast.And, ast.Or, ast.Not),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_PRECISE = Context(prec=50)  # rounds no number that stands in a cell


class Wrong(Exception):  # noqa: N818 - the profile is at fault, not the program
    """What an expression says cannot be evaluated; its text says why."""


class Failed(Exception):  # noqa: N818 - the cells are at fault, not the program
    """An expression has no result with the texts of these cells; its text says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that passed the check; `cells` are the headers that it reads, in order."""

    text: str
    tree: ast.expr
    cells: tuple[str, ...]


class Cell(str):
    """The text of a cell that knows its header, so that what cannot be read is told of its cell."""

    __slots__ = ("header",)
    header: str

    @classmethod
    def of(cls, header: str, text: str) -> Cell:
        """The cell under that header."""
        cell = cls(text)
        cell.header = header
        return cell


class UnreadableCell(Exception):  # noqa: N818 - as Failed
    """A cell holds no number that can be read for certain; `problem` says why."""

    def __init__(self, cell: Cell, problem: Unreadable) -> None:
        super().__init__(problem.code)
        self.cell = cell
        self.problem = problem


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """The expression in a text.

    Raises:
        Wrong: it is no expression, or holds what no expression may.
    """
    if len(text) > LONGEST:
        raise Wrong(translate("it has more than {most} characters", most=LONGEST))
    source = f"(\n{text}\n)"  # an expression may take several lines
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, about texts that are called
            tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise Wrong(translate("it cannot be read as an expression")) from error
    _check_depth(tree)
    for node in ast.walk(tree):
        _check(node, source)
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            node.value = cast("int", Decimal(_segment(source, node)))  # simpleeval takes it as it is
    _check_names(tree)
    return Expression(text, tree.body, tuple(dict.fromkeys(_cells(tree))))


def evaluator(expression: Expression, conventions: Conventions) -> Callable[[Mapping[str, str]], str]:
    """A function from the texts of the cells that an expression reads to the text of its result.

    A fractional number is written with a dot and marked as exact, so that nothing has to guess what the dot
    is. It raises `Failed` or `UnreadableCell` where there is no result.
    """
    cells: Mapping[str, str] = {}

    def cell(header: str) -> Cell:
        return Cell.of(header, clean(cells[header]))

    functions = {**_FUNCTIONS, "cell": cell, "number": partial(_number, conventions)}
    engine = SimpleEval(operators=_OPERATORS, functions=functions, names={})

    def evaluate(texts: Mapping[str, str]) -> str:
        nonlocal cells
        cells = texts
        with localcontext(_PRECISE):
            try:
                return _written(engine.eval(expression.text, previously_parsed=expression.tree))
            except ArithmeticError as error:
                raise Failed(_too_large()) from error

    return evaluate


# -- the check -------------------------------------------------------------------------------------


def _check_depth(tree: ast.AST) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        raise Wrong(translate("it is nested more than {most} levels deep", most=DEEPEST))


def _check(node: ast.AST, source: str) -> None:
    """See that this part may stand in an expression."""
    if not isinstance(node, _ALLOWED):
        raise Wrong(translate("“{part}” may not stand in an expression", part=_segment(source, node)))
    if isinstance(node, ast.Constant):
        segment = _segment(source, node)
        fine = node.value.isprintable() if isinstance(node.value, str) else _NUMBER.fullmatch(segment)
        if not fine:
            raise Wrong(translate("“{part}” may not stand in an expression", part=segment))
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise Wrong(translate("“{part}” may not stand in an expression", part=_segment(source, node)))
        least, most = _ARGUMENTS.get(node.func.id, (0, len(node.args)))
        if not least <= len(node.args) <= most:
            raise Wrong(translate("{name} has another number of arguments", name=node.func.id))


def _check_names(tree: ast.AST) -> None:
    """See that every name is a function that is called, and that `cell` is given its header as a text."""
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name):
            continue
        if id(node) not in called or node.id not in _ARGUMENTS:
            raise Wrong(
                translate(
                    "“{name}” is none of the functions {functions}",
                    name=node.id,
                    functions=", ".join(_ARGUMENTS),
                )
            )
        header = called[id(node)].args[0]
        if node.id == "cell" and not (isinstance(header, ast.Constant) and isinstance(header.value, str)):
            raise Wrong(translate("cell wants a header in quotes"))


def _cells(tree: ast.AST) -> Iterator[str]:
    """The headers that an expression reads, as they stand in it."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        header = node.args[0]
        if isinstance(node.func, ast.Name) and node.func.id == "cell" and isinstance(header, ast.Constant):
            yield str(header.value)


def _segment(source: str, node: ast.AST) -> str:
    return (ast.get_source_segment(source, node) or type(node).__name__)[:60]


# -- what numbers and texts do ---------------------------------------------------------------------


def _written(result: object) -> str:
    """A result as the cell text that `values` reads."""
    if isinstance(result, str):
        return clean(result)
    text = decimal_text(_sized(result))
    if len(text.partition(".")[2]) > MOST_DECIMALS:
        raise Failed(translate("the result has more than {most} decimals; round it", most=MOST_DECIMALS))
    return text + EXACT if "." in text else text


def _sized(value: object) -> Decimal:
    if not isinstance(value, Decimal):
        raise Failed(translate("what should be a number is none"))
    if abs(value) >= Decimal(10) ** MOST_DIGITS:
        raise Failed(_too_large())
    return value


def _too_large() -> str:
    return translate("a number has more than {most} digits", most=MOST_DIGITS)


def _plain(value: object) -> str:
    """A text without the mark of a number cell."""
    if not isinstance(value, str):
        raise Failed(translate("what should be a text is none"))
    text = value.replace(EXACT, "")
    if len(text) > LONGEST_TEXT:
        raise Failed(translate("a text has more than {most} characters", most=LONGEST_TEXT))
    return text


def _whole(value: object, most: int) -> int:
    number = _sized(value)
    if number != number.to_integral_value() or not 0 <= number <= most:
        raise Failed(translate("what should be a whole number from 0 to {most} is none", most=most))
    return int(number)


def _alike(left: object, right: object) -> tuple[Any, Any]:
    """Two numbers, or two texts; a text is never equal to a number, which is hardly ever what was meant."""
    if isinstance(left, str) and isinstance(right, str):
        return _plain(left), _plain(right)
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return left, right
    raise Failed(translate("a text and a number stand on the two sides of a sign"))


def _add(left: object, right: object) -> str | Decimal:
    one, other = _alike(left, right)
    return _plain(one + other) if isinstance(one, str) else _sized(one + other)


def _divide(left: object, right: object) -> Decimal:
    divisor = _sized(right)
    if not divisor:
        raise Failed(translate("it divides by zero"))
    return _sized(_sized(left) / divisor)


_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: _add,
    ast.Sub: lambda left, right: _sized(_sized(left) - _sized(right)),
    ast.Mult: lambda left, right: _sized(_sized(left) * _sized(right)),
    ast.Div: _divide,
    ast.USub: lambda value: -_sized(value),
    ast.UAdd: _sized,
    ast.Not: lambda value: not value,
    ast.Eq: lambda left, right: (pair := _alike(left, right))[0] == pair[1],
    ast.NotEq: lambda left, right: (pair := _alike(left, right))[0] != pair[1],
    ast.Lt: lambda left, right: (pair := _alike(left, right))[0] < pair[1],
    ast.LtE: lambda left, right: (pair := _alike(left, right))[0] <= pair[1],
    ast.Gt: lambda left, right: (pair := _alike(left, right))[0] > pair[1],
    ast.GtE: lambda left, right: (pair := _alike(left, right))[0] >= pair[1],
}


def _number(conventions: Conventions, text: object) -> Decimal:
    """The number that a text says by the file's convention."""
    try:
        return read_number(text if isinstance(text, str) else _plain(text), conventions)
    except Unreadable as problem:
        if isinstance(text, Cell) and text:
            raise UnreadableCell(text, problem) from problem
        raise Failed(translate("“{text}” is no number that can be read for certain", text=text)) from problem


def _round(value: object, decimals: object = Decimal(0)) -> Decimal:
    """Half away from zero, as an accountant rounds."""
    step = Decimal(1).scaleb(-_whole(decimals, MOST_DECIMALS))
    return _sized(value).quantize(step, ROUND_HALF_UP)


def _text(value: object) -> str:
    return _plain(value) if isinstance(value, str) else _plain(format(_sized(value), "f"))


def _replace(text: object, old: object, new: object) -> str:
    sought = _plain(old)
    if not sought:
        raise Failed(translate("replace seeks nothing"))
    return _plain(_plain(text).replace(sought, _plain(new)))


def _right(text: object, count: object) -> str:
    plain = _plain(text)
    return plain[max(len(plain) - _whole(count, LONGEST_TEXT), 0) :]


def _mid(text: object, first: object, count: object) -> str:
    start = max(_whole(first, LONGEST_TEXT) - 1, 0)
    return _plain(text)[start : start + _whole(count, LONGEST_TEXT)]


_FUNCTIONS: dict[str, Callable[..., object]] = {
    "round": _round,
    "text": _text,
    "upper": lambda text: _plain(text).upper(),
    "lower": lambda text: _plain(text).lower(),
    "strip": lambda text: _plain(text).strip(),
    "replace": _replace,
    "left": lambda text, count: _plain(text)[: _whole(count, LONGEST_TEXT)],
    "right": _right,
    "mid": _mid,
}
_ARGUMENTS = {
    "cell": (1, 1),
    "number": (1, 1),
    "round": (1, 2),
    "text": (1, 1),
    "upper": (1, 1),
    "lower": (1, 1),
    "strip": (1, 1),
    "replace": (3, 3),
    "left": (2, 2),
    "right": (2, 2),
    "mid": (3, 3),
}
"""How many arguments each function takes, at least and at most."""
