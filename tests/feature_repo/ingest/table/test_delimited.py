"""Records and their line numbers, of files in any encoding and with any separators."""

import codecs
import gzip
from pathlib import Path

import pytest

from feature_repo.ingest.table.delimited import Line, records
from feature_repo.ingest.table.mapping import Source
from feature_repo.lake.tables import LakeError


def read(path: Path, content: bytes, **stated: str) -> list[Line]:
    path.write_bytes(content)
    return list(records(path, Source(("f",), {}, **stated)))  # type: ignore[arg-type]


def test_a_quoted_cell_may_hold_lines_and_the_next_record_has_its_own_number(tmp_path: Path) -> None:
    found = read(tmp_path / "f.csv", b'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\r\n')
    assert [(line.number, list(line.cells)) for line in found] == [(1, ["a", "b"]), (2, ["1", "x\ny"]), (5, ["2", "z"])]


def test_a_quote_that_stays_open_spoils_its_own_line_alone(tmp_path: Path) -> None:
    found = read(tmp_path / "f.csv", b'a,b\n1,"open\n2,fine\n3,"too\n4,last')
    assert [line.number for line in found if line.expected] == [2, 4]
    assert [list(line.cells) for line in found if not line.expected] == [["a", "b"], ["2", "fine"], ["4", "last"]]


def test_a_quote_open_for_thousands_of_lines_does_not_swallow_them(tmp_path: Path) -> None:
    found = read(tmp_path / "f.csv", b'0,"open\n' + b"1,x\n" * 5_000)
    assert (len(found), found[0].expected, found[-1].number) == (
        5_001,
        "the quote that opens on it to be closed",
        5_001,
    )


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("cp1252", b""), ("utf-16-le", b""), ("utf-16", b""), ("cp1251", b"")],
)
def test_a_file_in_its_encoding_has_its_letters(tmp_path: Path, encoding: str, mark: bytes) -> None:
    text = "id;название\n1;Ирония" if encoding == "cp1251" else "id;größe\n1;é"
    found = read(tmp_path / "f.csv", mark + text.encode(encoding), encoding=encoding, separator=";")
    assert [";".join(line.cells) for line in found] == text.split("\n")


def test_separators_may_be_longer_and_quotes_escaped_or_none(tmp_path: Path) -> None:
    assert list(read(tmp_path / "f.dat", b'1::A "quoted" one::x|y\n', separator="::")[0].cells) == [
        "1",
        'A "quoted" one',
        "x|y",
    ]
    assert list(read(tmp_path / "f.csv", b'1,"say \\"hi\\""\n', escape="\\")[0].cells) == ["1", 'say "hi"']
    assert list(read(tmp_path / "f.tsv", b'1\t"half\n', separator="\t", quote="")[0].cells) == ["1", '"half']


def test_a_packed_file_is_unpacked_and_one_that_is_torn_is_told(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" * 1000)
    assert len(read(tmp_path / "f.csv.gz", whole)) == 1000
    with pytest.raises(LakeError, match=r"f\.csv\.gz: expected text in utf-8"):
        read(tmp_path / "f.csv.gz", whole[:-12])
    with pytest.raises(LakeError, match="packed with zip"):
        read(tmp_path / "f.csv", b"PK\x03\x04rest")
