"""The bounds below are worked out by hand from the EDTF specification, not from an implementation."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.edtf import LONGEST, bounds, certain, span, surely_before


def day(text):
    """`-0001-02-03` as (-1, 2, 3); an empty text as None."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    year, *rest = map(int, digits.split("-")) if digits else [0]
    return (sign * year, *rest) if digits else None


EXAMPLES = """
# Level 0: date
1985-04-12                     1985-04-12 1985-04-12
1985-04                        1985-04-01 1985-04-30
1985                           1985-01-01 1985-12-31
# Level 0: date and time
1985-04-12T23:20:30            1985-04-12 1985-04-12
1985-04-12T23:20:30Z           1985-04-12 1985-04-12
1985-04-12T23:20:30-04         1985-04-12 1985-04-12
1985-04-12T23:20:30+04:30      1985-04-12 1985-04-12
2004-01-01T10:10:10+00:00      2004-01-01 2004-01-01
# Level 0: interval
1964/2008                      1964-01-01 2008-12-31
2004-06/2006-08                2004-06-01 2006-08-31
2004-02-01/2005-02-08          2004-02-01 2005-02-08
2004-02-01/2005-02             2004-02-01 2005-02-28
2004-02-01/2005                2004-02-01 2005-12-31
2005/2006-02                   2005-01-01 2006-02-28
# Level 1: letter-prefixed year
Y170000002                     170000002-01-01 170000002-12-31
Y-170000002                    -170000002-01-01 -170000002-12-31
Y-17000                        -17000-01-01 -17000-12-31
# Level 1: seasons
2001-21                        2001-03-01 2001-05-31
2001-22                        2001-06-01 2001-08-31
2001-23                        2001-09-01 2001-11-30
2001-24                        2001-12-01 2002-02-28
2003-24                        2003-12-01 2004-02-29
# Level 1: qualified dates
1984?                          1984-01-01 1984-12-31
2004-06~                       2004-06-01 2004-06-30
2004-06-11%                    2004-06-11 2004-06-11
# Level 1: unspecified digits
201X                           2010-01-01 2019-12-31
20XX                           2000-01-01 2099-12-31
2004-XX                        2004-01-01 2004-12-31
1985-04-XX                     1985-04-01 1985-04-30
1985-XX-XX                     1985-01-01 1985-12-31
2024-02-XX                     2024-02-01 2024-02-29
2025-07-XX~                    2025-07-01 2025-07-31
# Level 1: extended interval
1985-04-12/..                  1985-04-12 -
1985-04/..                     1985-04-01 -
1985/..                        1985-01-01 -
../1985-04-12                  - 1985-04-12
../1985-04                     - 1985-04-30
../1985                        - 1985-12-31
1985-04-12/                    1985-04-12 -
1985-04/                       1985-04-01 -
1985/                          1985-01-01 -
/1985-04-12                    - 1985-04-12
/1985-04                       - 1985-04-30
/1985                          - 1985-12-31
1984~/2004-06                  1984-01-01 2004-06-30
1984/2004-06~                  1984-01-01 2004-06-30
1984~/2004~                    1984-01-01 2004-12-31
1984-06-02?/2004-08-08~        1984-06-02 2004-08-08
2004-06-XX/2004-07-03          2004-06-01 2004-07-03
-1985/1985                     -1985-01-01 1985-12-31
# Level 1: negative year
-1985                          -1985-01-01 -1985-12-31
0000                           0000-01-01 0000-12-31
# Level 2: sub-year groupings
2001-25                        2001-03-01 2001-05-31
2001-28                        2001-12-01 2002-02-28
2001-29                        2001-09-01 2001-11-30
2001-30                        2001-12-01 2002-02-28
2001-31                        2001-03-01 2001-05-31
2001-32                        2001-06-01 2001-08-31
2001-34                        2001-04-01 2001-06-30
2001-36                        2001-10-01 2001-12-31
2001-39                        2001-09-01 2001-12-31
2001-40                        2001-01-01 2001-06-30
2001-41                        2001-07-01 2001-12-31
# Level 2: one of a set
[1667,1668,1670..1672]         1667-01-01 1672-12-31
[..1760-12-03]                 - 1760-12-03
[1760-12..]                    1760-12-01 -
[1760-01,1760-02,1760-12..]    1760-01-01 -
[1667,1760-12]                 1667-01-01 1760-12-31
[..1984]                       - 1984-12-31
[2025-07-23,2025-07-24]        2025-07-23 2025-07-24
[2025-07-24,2025-07-23]        2025-07-23 2025-07-24
[2025-07-23,2025-07-24~]       2025-07-23 2025-07-24
# Level 2: all of a set
{1667,1668,1670..1672}         1667-01-01 1672-12-31
{1960,1961-12}                 1960-01-01 1961-12-31
{..1984}                       - 1984-12-31
"""
ROWS = [line.split() for line in EXAMPLES.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(("text", "first", "last"), ROWS, ids=[row[0] for row in ROWS])
def test_examples_of_the_standard(text, first, last):
    expected = day(first.removesuffix("-")), day(last.removesuffix("-"))
    assert span(text) == expected


def test_bounds_are_days_of_the_calendar():
    assert bounds("2025-06-24/2025-06-25") == (date(2025, 6, 24), date(2025, 6, 25))
    assert bounds("2026/..") == (date(2026, 1, 1), None)
    assert bounds("../2022-06-07") == (None, date(2022, 6, 7))
    assert bounds("2025-07-20~") == (date(2025, 7, 20), date(2025, 7, 20))


@pytest.mark.parametrize("text", ["0999", "2201", "2200-24", "-1985", "0000", "Y20255", "Y-17000", "Y" + "9" * 99])
def test_absurd_years_are_refused_though_the_standard_has_them(text):
    assert span(text)
    with pytest.raises(ValueError, match="is outside 1000 to 2200"):
        bounds(text)


@pytest.mark.parametrize("text", ["1000", "2200", "[1000,2200]", "1000-01-01/2200-12-31"])
def test_the_first_and_last_years_are_kept(text):
    first, last = bounds(text)
    assert first <= last


NO_DATES = """
2025-02-30 2025-02-29 2025-02-29~ 1900-02-29 2025-13 2025-00 2025-00-01 2025-07-00 2025-07-32 2025-06-31
20250723 2025-7-3 25 2025-W30 2025-204 -0000 +2025 2025-07-23T 2025-07T10:00:00 2025-07-23T25:00:00
2025-07-23T10:00 2025-02-30T10:00:00 2025-07-23T10:00:00/2025-07-24 2025/2026/2027 P50D 2025/P1Y
.. [] {} [,] [2025,] [2025} [[2025]] 2025.. 2025~? ~ 2025-42 2025-20 Y2025 Y02025 Y20255-01 XXXX 2025-1X
2025-XX-01 -2025-XX 1950S2 Y17E7 2004-06~-11 ٢٠٢٥ ２０２５ today null
"""


@pytest.mark.parametrize("text", NO_DATES.split())
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match="is not a date: write"):
        bounds(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "1 to 100 characters"),
        ("2025-07-23," * 10, "1 to 100 characters"),
        ("../..", "needs a start or an end"),
        ("/", "needs a start or an end"),
        ("[..]", "needs a start or an end"),
        ("2025-07-24/2025-07-23", "ends before it starts"),
        ("[2025..2024]", "ends before it starts"),
        ("2025-07-23\n", "is not a date"),
        (" 2025", "is not a date"),
        ("2025 ", "is not a date"),
        ("2025-07-23\0", "is not a date"),
        ("[2025, 2026]", "is not a date"),
        ("2025-07-23T10:00:00Z\n", "is not a date"),
        ("\ud800", "is not a date"),
    ],
)
def test_refusals_say_why(text, reason):
    with pytest.raises(ValueError, match=reason):
        bounds(text)


@given(st.text(max_size=LONGEST + 1) | st.text("0123456789-/.,[]{}XYTZ:+?~%", max_size=LONGEST + 1))
@example("[" * LONGEST)
@example("Y-" + "9" * 98)
@example("/" * LONGEST)
@example("..," * 33)
def test_any_text_is_understood_or_refused(text):
    try:
        first, last = bounds(text)
    except ValueError as reason:
        assert str(reason).endswith(".")
    else:
        assert first is not None or last is not None or "[" in text or "{" in text
        assert None in (first, last) or first <= last


@given(st.dates(date(1000, 1, 1), date(2200, 12, 31)), st.dates(date(1000, 1, 1), date(2200, 12, 31)))
def test_every_pair_of_days_keeps_its_ends(one, other):
    first, last = sorted((one, other))
    assert bounds(str(one)) == (one, one)
    assert bounds(f"{first}/{last}") == bounds(f"[{last},{first}]") == bounds(f"{{{first}..{last}}}") == (first, last)


@pytest.mark.parametrize("text", ["2025-07-23", "2025", "[2025-07-23,2025-07-24]", "2025-06-24/2025-06-25"])
def test_certain(text):
    assert certain(text)


@pytest.mark.parametrize("text", ["2025-07-23~", "2025?", "2025-07%/2026", "2026/..", "/2026", "[2025..]"])
def test_not_certain(text):
    assert not certain(text)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("2025-07-22", "2025-07-23"),
        ("2025-07", "2025-08-01"),
        ("2024", "2025/.."),
        ("[2025-07-20,2025-07-22]", "2025-07-23"),
        ("../2025-07-22", "2025-07-23"),
    ],
)
def test_surely_before(text, other):
    assert surely_before(text, other)
    assert not surely_before(other, text)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("2025-07-23", "2025-07-23"),
        ("2025-07-01", "2025-07"),
        ("2025", "2025-12"),
        ("[2025-07-20,2025-07-24]", "2025-07-23"),
        ("2025-07-22~", "2025-07-23"),
        ("2025-07-22", "2025-07-23?"),
        ("2024/..", "2025"),
        ("2024", "../2025"),
    ],
)
def test_possibly_not_before(text, other):
    assert not surely_before(text, other)
