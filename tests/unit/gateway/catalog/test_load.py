"""Folders and files of profiles become a catalog, or a list of mistakes."""

from pathlib import Path

import pytest

from gateway.catalog.document import MAX_PROBLEMS
from gateway.catalog.load import MAX_FILE_BYTES, load, parse
from tests.unit.gateway.catalog.samples import BETA, CHAT, PICTURE, PROVIDER, loaded, shown, three, write


def test_a_folder_becomes_a_catalog(tmp_path: Path) -> None:
    catalog = loaded(three(tmp_path))
    assert list(catalog.profiles) == ["alpha", "beta", "picture"]
    assert catalog.sources["alpha"] == str(tmp_path / "llm/alpha.yaml")
    alpha = catalog.profiles["alpha"]
    assert alpha.variants[0].footprint.device_bytes == 1230
    assert alpha.limits.n == 4
    assert alpha.variant("remote") is not None
    assert alpha.variant("none") is None


def test_version_follows_content_not_time(tmp_path: Path) -> None:
    first = loaded(three(tmp_path)).version
    write(tmp_path, {"llm/beta.yaml": BETA})
    assert loaded(tmp_path).version == first
    write(tmp_path, {"llm/beta.yaml": BETA.replace("name: Beta", "name: Better")})
    assert loaded(tmp_path).version != first


def test_providers_hidden_folders_and_other_files_are_not_profiles(tmp_path: Path) -> None:
    three(tmp_path)
    write(
        tmp_path,
        {"providers/cloud.yaml": PROVIDER, "..data/llm/alpha.yaml": CHAT, "README.md": "#", "schema.json": "{}"},
    )
    assert set(loaded(tmp_path).profiles) == {"alpha", "beta", "picture"}
    assert loaded(tmp_path).providers["cloud"].name == "Cloud"


def test_a_linked_file_counts_as_in_a_config_map(tmp_path: Path) -> None:
    root = write(tmp_path / "mount", {"..data/picture.yaml": PICTURE})
    (root / "picture.yaml").symlink_to("..data/picture.yaml")
    assert list(loaded(root).profiles) == ["picture"]


def test_every_problem_of_every_file_is_reported_and_no_half_catalog(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "llm/alpha.yaml": CHAT.replace("slots: 2", "slotz: 2").replace("licence", "license"),
            "llm/beta.yaml": BETA.replace("tier: S", "tier: Z"),
            "llm/fine.yaml": PICTURE.replace("id: picture", "id: fine"),
            "llm/late.yml": PICTURE,
            "llm/none.yaml": "",
        },
    )
    result = load(tmp_path)
    assert result.catalog is None
    assert shown(result.problems, tmp_path) == [
        'llm/alpha.yaml:2:1: missing key "licence"',
        'llm/alpha.yaml:8:1: license: unknown key; did you mean "licence"?',
        'llm/alpha.yaml:16:53: variants[0].engine.slotz: unknown key; did you mean "slots"?',
        'llm/beta.yaml:5:7: tier: "Z" is not one of S, A, B, C',
        "llm/late.yml:1:1: not read: the name ends in .yml; call it .yaml",
        "llm/none.yaml:1:1: empty file; a profile is a mapping",
    ]


def test_a_broken_file_does_not_make_its_references_broken(tmp_path: Path) -> None:
    write(tmp_path, {"llm/alpha.yaml": CHAT, "llm/beta.yaml": BETA + "oops: 1\n"})
    assert [p.where for p in load(tmp_path).problems] == ["oops"]


def test_missing_and_empty_folders_are_problems(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        result = load(root)
        assert result.catalog is None
        assert [p.message for p in result.problems] == ["no profile here"]


def test_size_is_capped(tmp_path: Path) -> None:
    write(tmp_path, {"llm/beta.yaml": BETA + "#" * MAX_FILE_BYTES})
    assert [p.message for p in load(tmp_path).problems] == ["larger than 256 KiB"]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, {"image/picture.yaml": PICTURE})
    (tmp_path / "broken.yaml").symlink_to("/proc/self/mem")
    assert [p.message for p in load(tmp_path).problems] == ["cannot be read: Input/output error"]


def test_a_byte_order_mark_is_fine_and_bad_utf8_is_not() -> None:
    document, problems = parse("picture.yaml", b"\xef\xbb\xbf" + PICTURE.encode())
    assert document is not None
    assert problems == []
    document, problems = parse("picture.yaml", PICTURE.encode() + b"description: \xff\n")
    assert document is None
    assert [str(p) for p in problems] == ["picture.yaml:9:14: not UTF-8 text"]


def test_a_file_of_another_kind_is_not_reported_key_by_key() -> None:
    _, problems = parse("x.yaml", b"".join(b"key%d: 1\n" % i for i in range(5000)))
    assert len(problems) == MAX_PROBLEMS + 1
    assert str(problems[-1]) == "x.yaml:101:1: and 4906 more problems"  # the six missing keys count too
