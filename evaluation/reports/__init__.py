"""A campaign's report: a list of sections, each with its figures, plot, words, method and lines of the table.

To add a section, write

1. a module in `evaluation/reports/sections/` that ends with a `SECTION = Section(...)` (see `section.py` for what each
   part is, and `sections/leaderboard.py` for a short example):
   - a frozen dataclass of figures, made of numbers, text, `Estimate` and the like, tuples and further dataclasses:
     `as_json` writes them as they are, under the section's key;
   - `figures(material)`, which makes it from what was collected and from nothing else (no query, no clock, no chance
     without a fixed seed), so that a published report can be rebuilt from its snapshot; None where the section has
     nothing to show, and a note in words wherever one figure is undefined;
   - `drawn(figures, report)`, what its template part draws; `evaluation.plots` has dots with whiskers and stacked
     bars, whose partials bring tooltips, keys and print along;
   - `read(figures, report)`, a `Reading`: what the figure says, and the caveat, what it does not say or how sure it is;
   - `method(figures, report)`, how it was computed, in a sentence or two, with its settings;
   - `lines(figures, report)`, a line of the CSV for each figure; "Show as table" shows the same lines;
   - where it needs more rows than the raters' judgements, a `Source`: `collect(campaign)` reads them into arrays and
     plain values that a snapshot can hold, and `fingerprint(campaign)` is cheap and differs whenever these may;
2. a template part `evaluation/templates/evaluation/sections/KEY.html`, which sees `drawn`, `figures` and `report`;
   the card, the heading, the words and the table around it come from `evaluation/parts/section.html`;
3. a line in `sections/__init__.py`, whose order is the page's.

`tests/evaluation/reports/test_sections.py` then holds the section to this: it is computed again from a snapshot, its
figures are JSON, its table has lines, and its words name no undefined figure.
"""
