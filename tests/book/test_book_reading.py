"""Files as bureaus save them: marks, GBK, quoted line breaks; every scalar a string."""

import pytest

from onemap.book.reading import nearest, read_table, read_yaml
from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings(tmp_path, encoding):
    path = write(tmp_path / "a.csv", "code,name\n0701,城镇住宅用地\n".encode(encoding))
    table = read_table(path, ["code", "name"])
    assert dict(table.rows[0]) == {"code": "0701", "name": "城镇住宅用地"}
    assert table.encoding == ("gb18030" if encoding == "gb18030" else "utf-8-sig")


def test_gbk_is_reported(book):
    path = book / "routes.csv"
    path.write_bytes((path.read_text(encoding="utf-8") + "附加,9,N\n").encode("gb18030"))
    texts = book / "texts" / "routes.csv"
    texts.write_text(texts.read_text(encoding="utf-8") + "route.附加,附加,added\n", encoding="utf-8")
    found = load_rulebook("2024-03-01", book)
    assert any("routes.csv was read as GB18030" in note for note in found.notes)
    assert found.routes.at["附加", "severity"] == 9


def test_a_spreadsheet_save_changes_nothing(book):
    """Excel on Windows: mark, CRLF, slashes in dates."""
    before = load_rulebook("2022-08-01", book)
    for path in book.glob("*.csv"):
        text = path.read_text(encoding="utf-8").replace("2022-08-01", "2022/8/1")
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("utf-8"))
    after = load_rulebook("2022-08-01", book)
    assert after.rules["valid_from"].tolist() == before.rules["valid_from"].tolist()
    assert (
        after.catalogue.codes["ydyh2023"].index.tolist() == before.catalogue.codes["ydyh2023"].index.tolist()
    )


def test_lines_count_through_quoted_breaks(tmp_path):
    path = write(tmp_path / "a.csv", 'a,b\n1,"two\nlines"\n\n2,x\n')
    assert [row.where.rpartition(":")[2] for row in read_table(path, ["a", "b"]).rows] == ["2", "5"]


def test_neither_encoding(tmp_path):
    with pytest.raises(InputError, match="neither UTF-8 nor GB18030"):
        read_table(write(tmp_path / "a.csv", b"a\n\xff\xff\xff\n"), ["a"])


def test_an_empty_table(tmp_path):
    with pytest.raises(InputError, match="no header"):
        read_table(write(tmp_path / "a.csv", ""), ["a"])


def test_an_open_quote(tmp_path):
    with pytest.raises(InputError, match="a.csv:2: not a CSV table"):
        read_table(write(tmp_path / "a.csv", 'a\n"x\n'), ["a"])


def test_yaml_scalars_stay_strings(tmp_path):
    path = write(tmp_path / "a.yaml", "code: 0701\nyes: no\nday: 2024-03-01\nnone: null\nlist: [1e3, 010]\n")
    assert read_yaml(path).data == {
        "code": "0701",
        "yes": "no",
        "day": "2024-03-01",
        "none": "null",
        "list": ["1e3", "010"],
    }


def test_yaml_lines(tmp_path):
    document = read_yaml(write(tmp_path / "a.yaml", "a: 1\nb:\n  - x: 1\n    y: 2\n"))
    assert document.where("b", 0, "y").endswith("a.yaml:4")
    assert document.where("b", 0, "zzz").endswith("a.yaml:3")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: key 'a' appears twice"),
        ("x:\n  a: 1\n  a: 1\n", "a.yaml:3: key 'a' appears twice"),
        ("a: [1\n", "a.yaml:2: not valid YAML"),
        ("a: &x\n  - *x\n", "refers to itself"),
        ("? [1, 2]\n: x\n", "a key must be a plain word"),
    ],
)
def test_yaml_refused(tmp_path, text, what):
    with pytest.raises(InputError) as caught:
        read_yaml(write(tmp_path / "a.yaml", text))
    assert what in str(caught.value)


def test_nearest_names():
    found = nearest("hits_geohazard", ["hits_geohazard_zones", "hits_dikes"])
    assert found.text("en") == "did you mean 'hits_geohazard_zones'?"
    assert found.text("zh") == "是不是“hits_geohazard_zones”？"
    assert nearest("?", []) is None
