"""Names the fields: which column of a table holds which API tag.

Header aliases lie in `data/aliases.toml`, one table a field; a profile adds to them or overrides.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pipeline.columns.checks import check_columns, check_profile
from pipeline.columns.header import find_header
from pipeline.columns.parts import check_parts, part_of
from pipeline.corrections.status import is_corrections, is_status
from pipeline.findings import Place, refuse
from pipeline.meaning.checks import check_expressions, check_named
from pipeline.meaning.declared import computed, narrowed, steps
from pipeline.profile import Part, Profile
from pipeline.readers.table import INVOICE, Table, cell_name
from pipeline.subject import INVOICES, Subject
from pipeline.values.words import aliases, normalise

_LEAST_MATCHES = 3  # a row with fewer known headers is no header
_NUMBERED = "{n}"


@dataclass(frozen=True, slots=True)
class Layout:
    """How one table's columns are understood; columns count from 0 (Excel's A).

    `number` is the source number in the run. `header_row` is the header's last row of `header_rows`, 0
    without a header. `headers` has every nonblank header, `fields` the field paths of those recognised,
    `ignored` those that nothing reads, with the closest field names. `profile` are the declarations that
    concern this table; `derived` tells for the fields that they make the first column that they are made
    from, `used` are all columns that they read. `part` is what a row is where two tables are joined.

    Where columns repeat (`Tuote {n}`), each repetition `n` makes a row of its own: the first one is the
    layout of the table, and has the others as its `repeats`, which have source numbers of their own, after
    those of all tables. `own` are the columns of one repetition.
    """

    number: int
    table: Table
    header_row: int
    headers: dict[int, str]
    fields: dict[int, str]
    ignored: dict[int, tuple[str, ...]]
    subject: Subject = INVOICES
    profile: Profile = field(default_factory=Profile)
    header_rows: int = 1
    derived: dict[str, int] = field(default_factory=dict)
    used: frozenset[int] = frozenset()
    part: Part | None = None
    n: str | None = None
    own: frozenset[int] = frozenset()
    repeats: tuple[Layout, ...] = ()
    is_repeat: bool = False

    def place(self, row: int, field_path: str | None = None) -> Place:
        """Where a field of a row stands; the whole row where no column has it or is what it is made from."""
        column = None if field_path is None else self.column_of(field_path)
        return self._whole(row) if column is None else self.cell(row, column)

    def column_of(self, field_path: str) -> int | None:
        """The column that holds a field, or the first one that it is made from."""
        own = (at for at, path in self.fields.items() if path == field_path)
        return next(own, self.derived.get(field_path))

    def made_from(self, column: int | None) -> list[str]:
        """The fields that a column gives: its own, or those that are made from it."""
        made = [path for path, at in self.derived.items() if at == column]
        return [self.fields[column], *made] if column in self.fields else made

    def cell(self, row: int, column: int) -> Place:
        """The cell in that column."""
        stands = self.table.origin(row, column) if self.table.origin else (row, column)
        if stands is None:  # a record of another kind would have it
            return self._whole(row)
        header = self.headers.get(column)
        return Place(self.table.file, self.table.sheet, stands[0], header, cell_name(stands[1], stands[0]))

    def _whole(self, row: int) -> Place:
        return Place(self.table.file, self.table.sheet, row)

    def heading(self, column: int) -> Place:
        """The header's cell of a column; without one the first row's, of records the kind and position."""
        if self.table.fields is not None:
            field = self.table.fields[column]
            kinds = ((each.mark, at) for each in self.profile.records for at in each.columns.items())
            cell = next(f"{mark} {position}" for mark, (position, path) in kinds if path == field)
            return Place(self.table.file, self.table.sheet, None, self.headers[column], cell)
        return self.cell(self.header_row or 1, column)

    @property
    def users_headers(self) -> dict[int, str]:
        """The headers but for that of the records' numbers, which is ours."""
        return {column: text for column, text in self.headers.items() if self.fields.get(column) != INVOICE}

    def column(self, name: str) -> int | None:
        """The column that a declaration names: by its header, field or position; None where there is none."""
        name = name.replace(_NUMBERED, self.n) if self.n else name
        plain = normalise(name)
        found = [
            *(at for at, header in self.headers.items() if header == name),
            *(at for at, header in self.headers.items() if normalise(header) == plain),
            *(at for at, path in self.fields.items() if path == name),
        ]
        if found:
            return found[0]
        position = int(name) - 1 if re.fullmatch("[1-9][0-9]{0,4}", name) else -1
        return position if 0 <= position < max(map(len, self.table.head), default=0) else None

    @property
    def status_columns(self) -> list[int]:
        """The columns that a corrections workbook has beyond the user's own."""
        if not self.header_row:
            return []
        return [at for at, text in enumerate(self.table.head[self.header_row - 1]) if is_status(text)]

    @property
    def read(self) -> dict[int, list[str]]:
        """What each column gives that anything reads, those of the repetitions among them."""
        columns = {*self.fields, *self.used} - {at for at, path in self.fields.items() if path == INVOICE}
        found = {column: self.made_from(column) for column in columns}
        for repeat in self.repeats:
            found |= {column: fields for column, fields in repeat.read.items() if column in repeat.own}
        return dict(sorted(found.items()))


def find_field(header: str, profile: Profile, subject: Subject = INVOICES) -> str | None:
    """The field that a header stands for: `""` if the profile ignores it, None if it is not known."""
    name = normalise(header)
    for declared, field_path in profile.columns.items():
        if normalise(declared) == name:
            return field_path
    if repeated := _repetition(header, profile):
        return repeated[1]
    known = aliases(subject.aliases)
    path = known.get(name)
    if path is None and (number := re.search(r"[0-9]+", name)):
        generic = f"{name[: number.start()]}{{n}}{name[number.end() :]}"
        path = (known.get(generic) or "").replace("{n}", number[0]) or None
    return path


def nearest(header: str, subject: Subject = INVOICES) -> tuple[str, ...]:
    """The fields whose known headers are spelt most like this one."""
    known = aliases(subject.aliases)
    close = difflib.get_close_matches(normalise(header), known, n=3, cutoff=0.75)
    return tuple(dict.fromkeys(known[name] for name in close))


def understand(
    files: Iterable[list[Table]], profile: Profile, subject: Subject = INVOICES, *, checked: bool = True
) -> list[Layout]:
    """How the tables of each file are understood; of a workbook's sheets those with a header.

    Of two joined tables the one of the invoices comes first; repetitions of columns come last.
    `checked` is False where somebody only wants to look.

    Raises:
        Refusal: no header was found, several sheets could be meant, a table that the profile names is not
            there, two columns hold one field, or a needed field has no column and no default.
    """
    check_profile(profile, subject)
    check_expressions(profile, subject)
    if profile.tables and not subject.kind:
        layouts = _joined([*files], profile, subject)
    else:
        layouts = [layout for file in files for layout in _of_file(file, profile, subject)]
    layouts = _with_repeats(layouts)
    if checked:
        check_layouts(layouts)
    return layouts


def check_layouts(layouts: Sequence[Layout]) -> None:
    """See that the tables have every column that is needed, and none that cannot be sent.

    Raises:
        Refusal: as `check_columns`.
    """
    for layout in layouts:
        check_named(layout)
    parts = [layout for layout in layouts if layout.part]
    for layout in layouts:
        check_columns(layout, parts or [layout])


def tables_of(layouts: Iterable[Layout]) -> list[Layout]:
    """The layouts of the tables themselves, without those of repeated columns."""
    return [layout for layout in layouts if not layout.is_repeat]


def _of_file(tables: list[Table], profile: Profile, subject: Subject) -> list[Layout]:
    tables = _without_guide(tables)
    found = [layout for table in tables if (layout := _layout(table, profile, subject))]
    if not found:
        raise _no_header(tables)
    if len(found) > 1 and profile.reading.sheet != "*" and not is_corrections(tables[0].head):
        names = ", ".join(f"“{layout.table.sheet}”" for layout in found)
        raise refuse("several-sheets", Place(file=found[0].table.file), sheets=names)
    return found


def _without_guide(tables: list[Table]) -> list[Table]:
    """Of a corrections workbook the sheets with rows to correct; of any other file all tables."""
    return [table for table in tables if is_corrections(table.head)] or tables


def _joined(files: list[list[Table]], profile: Profile, subject: Subject) -> list[Layout]:
    """The layouts of the declared tables, each with the declarations that concern it."""
    layouts: list[Layout] = []
    for table in (table for file in files for table in _without_guide(file)):
        if part := part_of(table, profile.tables):
            columns = part.columns | {
                name: path for name, path in profile.columns.items() if name not in part.columns
            }
            layout = _layout(table, profile.model_copy(update={"columns": columns}), subject)
            if layout is None:
                raise _no_header([table])
            layouts.append(replace(layout, part=part))
    check_parts(files, (layout.part for layout in layouts if layout.part), profile.tables)
    layouts.sort(key=lambda layout: layout.part is not None and layout.part.part == "rows")
    return [replace(layout, profile=_narrowed(layout, layouts)) for layout in layouts]


def _narrowed(layout: Layout, layouts: Iterable[Layout]) -> Profile:
    """The declarations that concern one of the joined tables."""
    others = [each for each in layouts if each.part != layout.part]
    return narrowed(
        layout.profile,
        lambda name: layout.column(name) is not None,
        lambda name: any(other.column(name) is not None for other in others),
    )


def _layout(table: Table, profile: Profile, subject: Subject) -> Layout | None:
    """A table's columns, before any declaration of their meaning."""
    least = len(subject.needed) if subject.kind else _LEAST_MATCHES
    header = find_header(table, profile.reading, lambda text: find_field(text, profile, subject), least)
    if header is None:
        return None
    texts = header.texts
    found = {column: _field_of(table, text, profile, subject) for column, text in texts.items()}
    for column, path in found.items():
        if path == "amount" and normalise(texts[column]) == "amount" and "payrow.desc" in found.values():
            found[column] = "payrow.amount"  # beside rows it can only be theirs
    return Layout(
        number=0,
        table=table,
        header_row=header.row,
        headers=texts,
        fields={column: path for column, path in found.items() if path},
        ignored={
            column: nearest(texts[column], subject)
            for column, path in found.items()
            if not path and not _is_own_name(texts[column], table)
        },
        subject=subject,
        profile=profile,
        header_rows=header.rows,
    )


def _field_of(table: Table, header: str, profile: Profile, subject: Subject) -> str | None:
    """The field of a column; of records it is declared, but for names that only declarations use."""
    if header == INVOICE and _is_own_name(header, table):
        return INVOICE
    if table.fields is not None:
        return None if header.startswith("@") else header
    return None if _is_own_name(header, table) else find_field(header, profile, subject)


def _is_own_name(header: str, table: Table) -> bool:
    """Whether a column of records has a name that is no field: `@Valuutta`."""
    return header.startswith("@") and (table.fields is not None or is_corrections(table.head))


def _with_meaning(layout: Layout) -> Layout:
    """The layout with the columns that declarations read, and without those whose fields they make."""
    fields, profile, part = layout.fields, layout.profile, layout.part
    if part and part.part == "invoices":  # a column such as a sum there makes no invoice row
        fields = {
            column: path
            for column, path in fields.items()
            if not path.startswith(("payrow.", "row.")) or path in part.columns.values()
        }
    derived: dict[str, int] = {}
    used: set[int] = set()
    for step in steps(profile):
        columns = [at for name in step.names if (at := layout.column(name)) is not None]
        made_from = columns or [derived[name] for name in step.names if name in derived]
        used.update(columns)
        for path in step.fields if made_from else ():
            derived.setdefault(path, made_from[0])
    instead = computed(profile)
    kept = {column: path for column, path in fields.items() if path not in instead}
    unread = {
        column: nearest(layout.headers[column], layout.subject)
        for column in layout.headers
        if column not in kept
        and column not in used
        and not _is_own_name(layout.headers[column], layout.table)
    }
    derived = {path: column for path, column in derived.items() if path not in kept.values()}
    return replace(layout, fields=kept, ignored=unread, derived=derived, used=frozenset(used))


def _with_repeats(layouts: list[Layout]) -> list[Layout]:
    """The tables' layouts, numbered, and behind them those of the repetitions of their columns."""
    tables: list[Layout] = []
    repeats: list[Layout] = []
    for number, layout in enumerate(layouts):
        first, *others = _repetitions(replace(layout, number=number))
        others = [
            replace(each, number=len(layouts) + len(repeats) + at, is_repeat=True)
            for at, each in enumerate(others)
        ]
        tables.append(replace(first, repeats=tuple(others)))
        repeats += others
    return [*tables, *repeats]


def _repetitions(layout: Layout) -> Iterator[Layout]:
    """A layout, with its meaning, for each number that the repeated columns of a table have, or else one."""
    numbers: dict[str, set[int]] = {}
    for column, header in layout.headers.items():
        if layout.subject.kind:  # each of its rows is one entry
            break
        if repeated := _repetition(header, layout.profile):
            numbers.setdefault(repeated[0], set()).add(column)
    repeated_columns = frozenset().union(*numbers.values())
    found = []
    for n in sorted(numbers, key=int):
        others = repeated_columns - numbers[n]
        fields = {column: path for column, path in layout.fields.items() if column not in others}
        each = _with_meaning(replace(layout, fields=fields, n=n))
        if own := numbers[n] & {*each.fields, *each.used}:
            found.append(replace(each, own=frozenset(own)))
    read = frozenset().union(*({*each.fields, *each.used} for each in found))
    for each in found:
        unread = {column: near for column, near in each.ignored.items() if column not in read}
        yield replace(each, ignored=unread)
    if not found:
        yield _with_meaning(layout)


def declared_name(header: str, profile: Profile) -> str:
    """The name that a profile has for a column: `Tuote {n}` for `Tuote 2`, if it declares that."""
    for declared in profile.columns:
        if _NUMBERED in declared and _number(header, declared):
            return declared
    return header


def _repetition(header: str, profile: Profile) -> tuple[str, str] | None:
    """Number and field of a header such as `Tuote 2`, if the profile declares `Tuote {n}`."""
    for declared, path in profile.columns.items():
        if _NUMBERED in declared and (number := _number(header, declared)):
            return number, path.replace(_NUMBERED, number)
    return None


def _number(header: str, declared: str) -> str | None:
    """The number that a header has where the declared one has `{n}`."""
    before, after = map(re.escape, normalise(declared).split(_NUMBERED, 1))
    match = re.fullmatch(f"{before}([0-9]+){after}", normalise(header))
    return match[1] if match else None


def _no_header(tables: list[Table]) -> Exception:
    table = tables[0]
    shown = next((row for row in table.head if any(text.strip() for text in row)), [])
    cells = ", ".join(f"“{text.strip()}”" for text in shown if text.strip())
    return refuse("no-header", Place(table.file, table.sheet), cells=cells[:300])
