"""The interface in its languages: how one is chosen, and whether the catalogues are whole."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

CATALOGUES = sorted((settings.BASE_DIR / "locale").glob("*/LC_MESSAGES/django.po"))


def test_each_language_but_the_sources_has_a_catalogue() -> None:
    offered = {code for code, _ in settings.LANGUAGES} - {settings.LANGUAGE_CODE}
    assert {path.parent.parent.name for path in CATALOGUES} == offered


@pytest.mark.skipif(not shutil.which("msgfmt"), reason="needs gettext")
@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_what_is_compiled_is_what_is_written(catalogue: Path, tmp_path: Path) -> None:
    """`make messages` was run after the last edit, and each translation fills in what its original does."""
    fresh = tmp_path / "fresh.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", fresh, catalogue], check=True)
    assert catalogue.with_suffix(".mo").read_bytes() == fresh.read_bytes()


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_no_translation_is_left_in_doubt(catalogue: Path) -> None:
    """After an English sentence changes, gettext keeps the old translation as `fuzzy`, for somebody to read again."""
    assert "#, fuzzy" not in catalogue.read_text()


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_the_annotators_pages_are_translated_wholly(catalogue: Path) -> None:
    """Whoever works here all day reads one language; the pages of those who lead may still fall back to English."""
    entries = catalogue.read_text().split("\n\n")[1:]
    theirs = [entry for entry in entries if re.search(r"^#: .*(annotation/|templates/registration/)", entry, re.M)]
    assert len(theirs) > 200
    assert [entry for entry in theirs if re.search(r'^msgstr(\[\d\])? ""(?!\n")', entry, re.M)] == []


@pytest.mark.django_db
def test_the_browsers_language_decides_until_one_is_chosen(client: Client) -> None:
    page = client.get("/sign-in/", headers={"accept-language": "de-AT,de;q=0.9"}).text
    assert '<html lang="de" dir="ltr">' in page and "Anmelden" in page

    client.post(reverse("language"), {"language": "ar", "next": "/sign-in/"})
    page = client.get("/sign-in/", headers={"accept-language": "de-AT"}).text
    assert '<html lang="ar" dir="rtl">' in page

    client.post(reverse("language"), {"language": "en", "next": "/sign-in/"})
    assert '<html lang="en" dir="ltr">' in client.get("/sign-in/", headers={"accept-language": "de-AT"}).text


@pytest.mark.django_db
def test_a_choice_of_language_leads_back_to_its_page_and_nowhere_else(client: Client) -> None:
    chosen = client.post(reverse("language"), {"language": "de", "next": "/work/?page=2"})
    assert (chosen.status_code, chosen["location"]) == (302, "/work/?page=2")
    lured = client.post(reverse("language"), {"language": "de", "next": "https://elsewhere.example/"})
    assert lured["location"] == "/"
