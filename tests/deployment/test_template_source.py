from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployment.errors import UsageError
from deployment.template_source import MAX_S3_BYTES, TemplateSource


def template_of(size: int, filler: str = "x") -> str:
    """A template of exactly so many bytes."""
    frame = json.dumps({"Resources": {}, "Description": ""})
    missing = size - len(frame)
    return frame[:-2] + filler * (missing // len(filler.encode())) + frame[-2:]


@pytest.mark.parametrize(("size", "fits"), [(51_200, True), (51_201, False)])
def test_the_inline_limit_is_51200_bytes(size: int, fits: bool) -> None:
    source = TemplateSource("x", template_of(size))
    assert source.size == size
    assert source.fits_inline is fits


def test_the_limit_counts_bytes_and_not_characters() -> None:
    source = TemplateSource("x", template_of(51_202, filler="ü"))
    assert len(source.text) < 51_200
    assert not source.fits_inline


def test_refuses_more_than_cloudformation_takes_from_a_bucket(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_text(template_of(MAX_S3_BYTES + 1))
    with pytest.raises(UsageError, match="1,000,001 bytes"):
        TemplateSource.from_file(path)


def test_reads_yaml_with_short_tags(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("Resources:\n  A:\n    Type: T\n    Properties: {B: !Ref C, D: !GetAtt E.F}\n")
    source = TemplateSource.from_file(path)
    assert source.suffix == "yaml"
    assert source.data["Resources"]["A"]["Properties"] == {
        "B": {"Ref": "C"},
        "D": {"Fn::GetAtt": ["E", "F"]},
    }


@pytest.mark.parametrize(
    "text", ["{", '{"Resources": ', "a: [", "[]", "{}", '{"Resources": []}', ""]
)
def test_refuses_what_is_no_template(text: str) -> None:
    with pytest.raises(UsageError, match="template") as refused:
        TemplateSource("some.json", text).data  # noqa: B018 - the access itself is tested
    assert refused.value.where == "some.json"


def test_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read") as refused:
        TemplateSource.from_file(tmp_path / "absent.json")
    assert "absent.json" in refused.value.where


def test_the_hash_tells_contents_apart() -> None:
    assert TemplateSource("a", "x").sha256 == TemplateSource("b", "x").sha256
    assert TemplateSource("a", "x").sha256 != TemplateSource("a", "y").sha256
