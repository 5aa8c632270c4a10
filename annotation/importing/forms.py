"""Uploads: the same imports from a page. A file that can't be read is a form error that lists its lines."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, connection

from annotation.filling import FillSummary, check_takes_responses
from annotation.importing import demonstrations, responses
from annotation.importing.demonstrations import DemonstrationSummary, check_takes_demonstrations
from annotation.importing.formats import FORMATS
from annotation.importing.loading import ImportSummary, check_project, import_file
from annotation.importing.prompts import PromptSummary, check_takes_prompts, import_prompts, read_prompts
from annotation.importing.reading import BadRowsError, FileError, check_rows, json_lines
from annotation.importing.storing import Person
from annotation.models import Project

Summary = ImportSummary | PromptSummary | FillSummary | DemonstrationSummary

# An import is one transaction. On SQLite annotators' writes wait until it is over, so it must take seconds there: a
# second stores about 1,400 pairs, and a writer gives up after the `timeout` of the settings.
LARGEST_UPLOAD, LARGEST_UNPACKED = (
    (8 * 2**20, 16 * 2**20) if connection.vendor == "sqlite" else (50 * 2**20, 400 * 2**20)
)


class UploadForm(forms.Form):
    """A file for a project, and the batch that it belongs to."""

    file = forms.FileField(help_text=f"At most {LARGEST_UPLOAD // 2**20} MB; may be packed by gzip.")
    batch = forms.CharField(max_length=80, required=False, help_text="Name of the batch; a new name makes a new one.")

    command = ""
    """The command that takes what is too large to upload."""

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if file.size is not None and file.size > LARGEST_UPLOAD:
            raise ValidationError(
                f"{file.name} has {file.size / 2**20:.0f} MB, uploads take at most {LARGEST_UPLOAD // 2**20} MB: "
                f"import it on the server with manage.py {self.command}"
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.check(cleaned)
            except FileError as error:
                self.add_error("file", form_error(error))
        return cleaned

    def check(self, cleaned: dict[str, Any]) -> None:
        """Reads the whole file. Raises FileError, and ValidationError where the project can't take it."""
        raise NotImplementedError

    def save(self, user: Person | None = None) -> Summary:
        """Import the file that `is_valid` found sound. Raises FileError; then nothing was imported."""
        try:
            return self.store(self.cleaned_data, user)
        except DatabaseError as error:
            raise FileError(f"nothing was imported; the database says: {error}") from error

    def store(self, cleaned: dict[str, Any], user: Person | None) -> Summary:
        raise NotImplementedError


class PreferenceUploadForm(UploadForm):
    """Pairs with a preference, in one of the formats that the project's task takes."""

    format = forms.ChoiceField()
    field_order = ["file", "format", "batch"]
    command = "import_preferences"

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(project, *args, **kwargs)
        choice = self.fields["format"]
        assert isinstance(choice, forms.ChoiceField)  # noqa: S101 - for the type checker
        choice.choices = [(form.name, form.label) for form in FORMATS.values() if form.task_type == project.task_type]

    def check(self, cleaned: dict[str, Any]) -> None:
        form = FORMATS[cleaned["format"]]
        check_project(self.project, form, self.project.dimension)
        check_rows(cleaned["file"], json_lines, form.read, LARGEST_UNPACKED)

    def store(self, cleaned: dict[str, Any], user: Person | None) -> ImportSummary:
        return import_file(
            cleaned["file"],
            cleaned["format"],
            self.project.slug,
            self.project.dimension,
            batch=cleaned["batch"],
            user=user,
        )


class PromptUploadForm(UploadForm):
    """Prompts for annotators, JSONL or CSV."""

    batch = forms.CharField(
        max_length=80,
        required=False,
        help_text="Name of the batch, or else the open one; a new name opens a batch and closes the one before.",
    )
    command = "import_prompts"

    def check(self, cleaned: dict[str, Any]) -> None:
        check_takes_prompts(self.project)
        read_prompts(cleaned["file"], LARGEST_UNPACKED)

    def store(self, cleaned: dict[str, Any], user: Person | None) -> PromptSummary:
        return import_prompts(cleaned["file"], self.project, batch=cleaned["batch"], user=user)


class ResponseUploadForm(UploadForm):
    """Single answers for a rating project."""

    batch = forms.CharField(max_length=80, required=False, help_text="Name of the batch, or else the open one.")
    command = "import_responses"

    def check(self, cleaned: dict[str, Any]) -> None:
        check_takes_responses(self.project)
        check_rows(cleaned["file"], json_lines, responses.read, LARGEST_UNPACKED)

    def store(self, cleaned: dict[str, Any], user: Person | None) -> FillSummary:
        return responses.import_responses(cleaned["file"], self.project, batch=cleaned["batch"])


class DemonstrationUploadForm(UploadForm):
    """Prompts with their ideal answers."""

    command = "import_demonstrations"

    def check(self, cleaned: dict[str, Any]) -> None:
        check_takes_demonstrations(self.project)
        check_rows(cleaned["file"], json_lines, demonstrations.read, LARGEST_UNPACKED)

    def store(self, cleaned: dict[str, Any], user: Person | None) -> DemonstrationSummary:
        return demonstrations.import_demonstrations(cleaned["file"], self.project, batch=cleaned["batch"])


def form_error(error: FileError) -> ValidationError:
    """The file's error as the form shows it: one message per line of the file."""
    if not isinstance(error, BadRowsError):
        return ValidationError(str(error))
    return ValidationError([ValidationError(text) for text in error.summary_lines()])
