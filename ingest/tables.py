"""Reading tables that others made: a sheet of a workbook or a CSV, whatever its encoding, delimiter or first rows."""

import codecs
import csv
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

Row = list[str]

HEADER_WITHIN = 60  # rows from the top; titles and notes stand above a header, never a whole table
SAMPLE = 1 << 16  # bytes or characters that show encoding and delimiter
CSV_FIELD = 1 << 20
# A workbook of 1 MB unpacks to 10 MB; real sheets shrink to a twentieth, a bomb to a thousandth.
UNPACKED, TIGHTEST, MEMBERS = 256 << 20, 100, 5_000


class Unreadable(Exception):
    """A file of which nothing can be taken; str() says why in one sentence."""

    def __init__(self, detail: str, code: str = "unreadable_file") -> None:
        super().__init__(detail)
        self.code = code


@dataclass
class Table:
    """Numbered rows of text below a header, and the texts that were passed on the way to it."""

    place: str  # for people: the file, and the sheet if it has several
    header: Row
    rows: Iterator[tuple[int, Row]]
    above: list[str]


Knows = Callable[[Row], bool]


def tables(path: Path, knows: Knows, wanted: str = "table with the columns of this format") -> Iterator[Table]:
    """The tables of a file whose header is known; the rows of one have to be read before the next is asked for."""
    sheets = workbook(path) if zipfile.is_zipfile(path) else iter([(path.name, text_rows(path, knows))])
    above: list[str] = []
    met = False
    for place, rows in sheets:
        numbered = enumerate(rows, start=1)
        for _, row in islice(numbered, HEADER_WITHIN):
            if knows(row):
                met = True
                yield Table(place, row, ((number, row) for number, row in numbered if any(row)), above)
                break
            above.extend(filter(None, row))
    if not met:
        raise Unreadable(f"{path.name} has no {wanted}.", "unknown_table")


# --- workbooks -----------------------------------------------------------------------------------------------------


def workbook(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """Name and rows of every sheet. A formula counts as the value that was last computed for it."""
    import openpyxl  # late: 0.2 s that nobody needs for a CSV

    check_size(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations that it does not know; we read values alone
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # it raises nearly anything for a broken file: KeyError, BadZipFile, ParseError …
        raise Unreadable(f"{path.name} is not a workbook that can be read: {error!r}") from error
    try:
        for sheet in book.worksheets:
            yield f"{path.name}, sheet {sheet.title}", sheet_rows(sheet)
    finally:
        book.close()


def sheet_rows(sheet: Any) -> Iterator[Row]:
    sheet.reset_dimensions()  # what a sheet says of its own size is often wrong, and rows would be cut off
    rows = sheet.iter_rows(values_only=True)
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row = next(rows, None)
        except Exception as error:
            raise Unreadable(f"Sheet {sheet.title} cannot be read: {error!r}") from error
        if row is None:
            return
        yield [as_text(cell) for cell in row]


def check_size(path: Path) -> None:
    """Refuse what is small on disk and endless in memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Unreadable(f"{path.name} is not a workbook that can be read: {error}") from error
    tight = any(member.file_size > 1 << 20 and member.file_size > TIGHTEST * member.compress_size for member in members)
    if tight or len(members) > MEMBERS or sum(member.file_size for member in members) > UNPACKED:
        raise Unreadable(f"{path.name} would unpack to more than any real workbook does.", "too_large")


def as_text(cell: object) -> str:
    """A cell as its sheet shows it: whole numbers without a point, dates as ISO 8601, no blanks around it."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).upper()
        case float() if cell != cell or abs(cell) == float("inf"):
            return ""
        case int() | float():
            return plain(Decimal(repr(cell)))  # the shortest text that means this number: what was typed
        case datetime():
            return (cell.date() if cell.time() == time() else cell).isoformat()
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
    return str(cell).strip()


# --- delimited text ------------------------------------------------------------------------------------------------


def text_rows(path: Path, knows: Knows) -> Iterator[Row]:
    """Rows of a CSV. Its delimiter is the one with which a known header appears, else a comma."""
    csv.field_size_limit(CSV_FIELD)
    encoding = encoding_of(path)
    try:
        with path.open(encoding=encoding, newline="") as file:
            sample = file.read(SAMPLE).splitlines(keepends=True)
            delimiter = next((sign for sign in ",;\t|" if any(map(knows, parsed(sample, sign)))), ",")
            file.seek(0)
            yield from parsed(file, delimiter)
    except (csv.Error, UnicodeError) as error:
        raise Unreadable(f"{path.name} cannot be read as {encoding} text: {error}") from error


def parsed(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    for row in csv.reader(lines, delimiter=delimiter):
        yield [cell.strip() for cell in row]


MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def encoding_of(path: Path) -> str:
    """By the mark at its start, else by where the zero bytes of Latin letters lie, else UTF-8 if all of it is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        start = file.read(SAMPLE)
        for mark, encoding in MARKS.items():
            if start.startswith(mark):
                return encoding
        even, odd = start[::2].count(0), start[1::2].count(0)
        if max(even, odd) > len(start) // 8:
            return "utf-16-be" if even > odd else "utf-16-le"
        try:
            decoder.decode(start)
            while piece := file.read(SAMPLE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


# --- cells ---------------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?([eE][-+]?\d{1,2})?")


def number(text: str) -> Decimal | None:
    """The number that a cell shows, thousands set off by commas or not; None if it shows none."""
    return Decimal(text.replace(",", "")) if len(text) <= 60 and NUMBER.fullmatch(text) else None


def plain(value: Decimal) -> str:
    """A number in digits: no exponent, no zeros after the last decimal."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def words(header: str) -> str:
    """A header's words alone: ``Soviet Origin (1)`` and ``soviet_origin_1`` are the same column."""
    return " ".join(re.findall(r"[a-z0-9%]+", header.casefold()))
