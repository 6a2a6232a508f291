"""Options become objects, and what cannot be met is refused at the doorway."""

from contextlib import closing
from pathlib import Path

import astropy.units as u
import pytest

from astroclip_astro.annotate.setup import check_options, parse_words
from astroclip_astro.columns import GROUPS, MODALITIES
from astroclip_astro.errors import InputError
from astroclip_astro.sky.position import arcseconds


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("spectrum,image", ("image", "spectrum")),
        (" image ", ("image",)),
        (["spectrum"], ("spectrum",)),
        (("image", "image"), ("image",)),
    ],
)
def test_words_come_in_their_order(given, expected):
    assert parse_words(given, MODALITIES, "modality") == expected


@pytest.mark.parametrize("given", ["", "radio", "image,radio", None, 3, []])
def test_unknown_words_are_refused(given):
    with pytest.raises(InputError, match=r"modality .*image, spectrum"):
        parse_words(given, MODALITIES, "modality")


@pytest.mark.parametrize("given", [1.5, "1.5", 1.5 * u.arcsec, 0.025 * u.arcmin])
def test_radius_is_a_number_of_arcsec_or_an_angle(given):
    assert arcseconds(given) == pytest.approx(1.5)


@pytest.mark.parametrize("given", [0, -1, 61, "wide", None, float("nan"), 1 * u.kg])
def test_impossible_radius_is_refused(given):
    with pytest.raises(InputError, match="arcsec"):
        arcseconds(given)


def test_job_says_where_its_columns_come_from():
    with closing(check_options(source="demo", device="cpu").load()) as job:
        provenance = job.provenance([column.name for column in job.columns])
    assert provenance["ACREFSIM"] == "SIMULATED"
    assert "SIMULATED" in provenance["ACSOURCE"]
    assert provenance["ACCOLS"] == ",".join(group for group in GROUPS if group != "labels")
    assert len(provenance["ACWSHA"]) == 64


@pytest.mark.parametrize("source", [None, 3, "", "/no/such/folder"])
def test_impossible_source_is_refused(source):
    with pytest.raises(InputError, match="'archive', 'demo'"):
        check_options(source=source)


def test_ready_made_source_passes_through(make_job):
    source = make_job().source
    assert check_options(source=source, device="cpu").load().source is source


def test_reference_of_other_weights_is_refused(stub_reference, tmp_path):
    from astroclip_astro.zeroshot.reference_file import save_reference

    save_reference(stub_reference, tmp_path / "other.fits")
    with pytest.raises(InputError, match="go together"):
        check_options(source="demo", reference=tmp_path / "other.fits", device="cpu")


def test_labels_of_a_reference_without_any_are_refused():
    with pytest.raises(InputError, match=r"'labels', but reference compact has none"):
        check_options(source="demo", columns="redshift,labels", device="cpu")


def test_labels_of_a_reference_become_columns(make_job, own_reference):
    job = make_job(reference=own_reference)
    names = [column.name for column in job.columns]
    ends = ("", "_err", "_lo", "_hi")
    assert names[-8:] == [f"astroclip_{own}{end}" for own in ("age", "log_SFR") for end in ends]
    assert job.columns[-8].unit == "Gyr"
    assert job.describe(job.columns[-8]).endswith("(simulated reference own)")
    assert job.provenance(names)["ACCOLS"] == ",".join(GROUPS)


def test_weights_of_a_pretraining_stage_alone_are_refused(monkeypatch):
    card = {"name": "half", "sha256": "0" * 64, "training": {"stages": {"spectrum": {}}}}
    monkeypatch.setattr(
        "astroclip_astro.annotate.setup.locate", lambda weights: Path("half.safetensors")
    )
    monkeypatch.setattr("astroclip_astro.annotate.setup.read_card", lambda path: card)
    with pytest.raises(InputError, match=r"stage spectrum alone.*astroclip-train align"):
        check_options(source="demo", weights="half")
