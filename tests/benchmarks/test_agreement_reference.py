"""The check against a reference table, on a folder whose figures were worked out by hand."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.agreement_reference import check, main

HEADER = "dataset,kind,weights,coefficient,n,pa,pe,value,se,lcb,ucb,p_one_sided_R,conflev,N"

# Percent agreement of three items of four: se 1/4, t = 3, P(T > 3) = 1/6 - sqrt(3)/(4 pi), quantile 3.18244630528371.
PERCENT = "0.75,0,0.75,0.25,-0.0456115763209275,1,0.0288344428207346,0.95,"

# The same as a table: the variance by 4 instead of 3, se sqrt(3)/8.
TABLE = ",,0.75,0.21650635094611,0.060980165288,1,0.0206578346,0.95,"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gwet").mkdir()
    (tmp_path / "gwet" / "small.csv").write_text("Units,One,Two\n1,a,a\n2,b,b\n3,a,b\n4,c,c\n")
    (tmp_path / "gwet" / "counts.csv").write_text("Subject,a,b,c\n1,2,0,0\n2,0,2,0\n3,1,1,0\n4,0,0,2\n")
    lines = [
        HEADER,
        f"small,raw,identity,percent,4,{PERCENT}",
        f"counts,dist,identity,percent,4,{PERCENT}",
        f"elsewhere,raw,identity,percent,4,{PERCENT}",
    ]
    (tmp_path / "agreement_reference.csv").write_text("\n".join(lines))
    return tmp_path


def test_what_agrees_is_counted_and_what_has_no_data_is_named(folder: Path) -> None:
    found = check(folder)
    assert (found["cases"], found["compared"], found["deviating"]) == (3, 2, [])
    assert found["by_kind"] == {"raw": 1, "dist": 1}
    assert found["without_data"] == {"elsewhere": 1}
    assert 0 <= max(found["largest_deviations"]["percent"].values()) < 1e-9


def test_a_case_that_deviates_is_told_with_both_figures(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = folder / "agreement_reference.csv"
    reference.write_text(reference.read_text().replace("0.75,0.25,", "0.75,0.26,", 1))
    monkeypatch.setattr(sys, "argv", ["agreement_reference", str(folder)])
    assert main() == 1
    (said,) = set(json.loads(capsys.readouterr().out)["deviating"])
    assert said.startswith("small identity percent: standard_error 0.25") and said.endswith("reference 0.26")


def test_known_defects_are_counted_by_name(folder: Path) -> None:
    """Alpha of these four items: 2/3 with pa 25/32 and pe 11/32; its error is not compared."""
    line = "counts,dist,identity,krippendorff,4,0.78125,0.34375,0.666666666666667,9,9,9,9,0.95,"
    reference = folder / "agreement_reference.csv"
    reference.write_text(f"{reference.read_text()}\n{line}")
    found = check(folder)
    assert found["deviating"] == []
    assert found["excepted"] == {"standard error of krippendorff from a distribution": 1}


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["agreement_reference", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit):
        main()
