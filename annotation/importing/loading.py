"""Importing a file of preferences: every line is checked before the first is stored, and all are stored or none."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.template.defaultfilters import pluralize

from annotation import tallies
from annotation.importing.formats import FORMATS, Format
from annotation.importing.reading import FileError, check_rows, json_lines, unpacked
from annotation.importing.rows import LeftOut, Pair, RowError
from annotation.importing.storing import CHUNK, Person, Store
from annotation.models import Project

Report = Callable[[str], None]


@dataclass
class ImportSummary:
    """What an import did, or with `dry_run` would have done."""

    project: Project
    project_created: bool
    """Also where a dry run would have."""
    form: Format
    dry_run: bool
    rows: int = 0
    new: int = 0
    already_there: int = 0
    """Pairs that the project held already, or that the file repeats."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows kept out on purpose, by reason."""
    mended: Counter[str] = field(default_factory=Counter)
    """Pairs of the file, new or not, that were mended on the way in, by what was done."""
    ratings: Counter[str] = field(default_factory=Counter)
    """New judgements by rating, `tie` and `unrated` included."""
    largest_margin: float = 0.0
    """Of those that a rating was read off, on a scale that the file does not state."""

    def lines(self) -> list[str]:
        """The summary for people."""
        were = "would be" if self.dry_run else pluralize(self.new, "was,were")
        made = "would be made" if self.dry_run else "made"
        created = f", a project {made} for them" if self.project_created else ""
        lines = [
            f"{self.rows:,} row{pluralize(self.rows)} of {self.form.label} for {self.project.slug}{created}",
            f"{self.new:,} new pair{pluralize(self.new)} {were} imported, {self.already_there:,} already there",
        ]
        lines += [f"{count:,} left out: {reason}" for reason, count in self.left_out.most_common()]
        lines += [f"{count:,} mended: {what}" for what, count in self.mended.most_common()]
        if self.ratings:
            lines.append("Judgements: " + ", ".join(f"{count:,} {name}" for name, count in self.ratings.most_common()))
        lines.append(self.form.rules)
        if 0 < self.largest_margin <= 1:
            lines.append(
                f"The largest margin without a rating is {self.largest_margin:g}: these cut points are for margins of "
                "3, 2, 1 and 0, so strengths may be understated. If the file's margins run from 0 to 1, give its rows "
                "a rating."
            )
        return lines

    def figures(self) -> dict[str, Any]:
        """The summary for programs."""
        return {
            "project": self.project.slug,
            "project_created": self.project_created and not self.dry_run,
            "format": self.form.name,
            "dry_run": self.dry_run,
            "rows": self.rows,
            "new": self.new,
            "already_there": self.already_there,
            "left_out": dict(self.left_out),
            "mended": dict(self.mended),
            "judgements": dict(self.ratings),
        }


def import_file(
    file: BinaryIO,
    format_name: str,
    slug: str,
    dimension: str,
    *,
    batch: str = "",
    dry_run: bool = False,
    user: Person | None = None,
    report: Report = lambda line: None,
) -> ImportSummary:
    """Import a file, plain or gzip, that can be read twice; the project is made where there is none of this slug.

    Raises FileError (BadRowsError where single rows are broken) and ValidationError, and then leaves nothing behind.
    """
    form = FORMATS[format_name]
    rows = check_rows(file, json_lines, form.read)
    report(f"{rows:,} row{pluralize(rows)} checked")
    with transaction.atomic():
        project, created = project_for(form, slug, dimension, user)
        # Two imports into one project take turns. Annotators go on working meanwhile, except on SQLite: its one writer
        # is this transaction, and theirs wait for its end (see LARGEST_UPLOAD).
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        summary = ImportSummary(project, created, form, dry_run)
        store = Store(project, form, batch)
        for pairs in chunks_of_pairs(file, summary):
            count(summary, pairs, store.add(pairs))
            report(f"{summary.rows:,} of {rows:,} rows")
        tallies.touch_project(project)
        transaction.set_rollback(dry_run)
    return summary


def chunks_of_pairs(file: BinaryIO, summary: ImportSummary) -> Iterator[list[Pair]]:
    """The file's pairs, some hundred at a time; rows that are left out are counted on the way."""
    with unpacked(file) as plain:
        pairs = sound_pairs(plain, summary)
        while chunk := list(islice(pairs, CHUNK)):
            yield chunk


def sound_pairs(plain: BinaryIO, summary: ImportSummary) -> Iterator[Pair]:
    for _, row in json_lines(plain):
        if isinstance(row, RowError):
            raise FileError("the file was changed while it was being imported: start again")
        pair = summary.form.read(row)
        summary.rows += 1
        if isinstance(pair, LeftOut):
            summary.left_out[pair.reason] += 1
        else:
            yield pair


def count(summary: ImportSummary, pairs: list[Pair], new: list[Pair]) -> None:
    margins = [v.margin for pair in pairs for v in pair.verdicts if v.rated_by_margin and v.margin is not None]
    summary.largest_margin = max([summary.largest_margin, *margins])
    summary.new += len(new)
    summary.already_there += len(pairs) - len(new)
    for pair in pairs:
        summary.mended.update(pair.notes)
    for pair in new:
        summary.ratings.update(v.choice if v.choice == "tie" else v.rating or "unrated" for v in pair.verdicts)


def project_for(form: Format, slug: str, dimension: str, user: Person | None) -> tuple[Project, bool]:
    """The project of this slug and whether it was made now. Raises ValidationError where it can't take the file."""
    project = Project.objects.filter(slug=slug).first()
    if project is not None:
        check_project(project, form, dimension)
        return project, False
    check_slug(slug)
    project = Project(
        slug=slug,
        name=slug,
        description=f"Imported: {form.label}.",
        task_type=form.task_type,
        dimension=dimension,
        created_by=user,
    )
    if form.raters:
        project.overlap, project.own_prompts, project.max_turns = len(form.raters), False, 1
    project.full_clean()
    project.save()
    return project, True


def check_slug(slug: str) -> None:
    """Raises ValidationError where a new project's name can't stand in an address."""
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise ValidationError(f"project must be letters, digits, - and _ alone, got {slug!r}") from error
    if len(slug) > 80:
        raise ValidationError(f"project must have at most 80 characters, got {len(slug)}")


def check_project(project: Project, form: Format, dimension: str) -> None:
    """Raises ValidationError where the project collects something else than the file holds."""
    if project.dimension != dimension:
        raise ValidationError(
            f'project "{project.slug}" is about {project.dimension}, not {dimension}: '
            f"import with --dimension {project.dimension}, or into another project"
        )
    if project.task_type != form.task_type:
        raise ValidationError(
            f'project "{project.slug}" is a {project.task_type} project and {form.name} files hold '
            f"{form.task_type} data: import into another project"
        )
    if form.raters and project.overlap != len(form.raters):
        raise ValidationError(
            f'project "{project.slug}" has {project.overlap} annotators per item and {form.name} files have '
            f"{len(form.raters)}: import into another project"
        )
