"""The annotators' pages. Every change ends in the same workplace, read anew from the rows: as a fragment for htmx,
as a redirect for a plain form."""
