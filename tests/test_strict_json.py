import pytest

from samplewise.io import strict_json


def test_json_is_read_as_python_reads_it():
    text = '{"a": [1, -2.5e3, true, null, "\\u00e9\\n"], "b": {}} '
    assert strict_json.parse(text) == {"a": [1, -2500.0, True, None, "é\n"], "b": {}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("{} {}", "Extra data"),
        ("NaN", "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("1e999", "1e999 is not finite"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' twice"),
        ('{"\\u001b": 1, "\\u001b": 3}', r"the key '\\x1b' twice"),
        ("9" * 19, "19 digits, at most 18"),
        ("-" + "9" * 19, "has 19 digits, at most 18"),
        ("9" * 5_000, "5,000 digits"),
        ("[" * 17 + "]" * 17, "deeper than 16"),
        ("[" * 500_000, "deeper than 16"),
        ('{"a":' * 400 + "1" + "}" * 400, "deeper than 16"),
        ('"\n"', "Invalid control character"),
    ],
)
def test_what_is_no_plain_json_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        strict_json.parse(text)


@pytest.mark.parametrize("sign", ["", "-"])
def test_integers_of_18_digits_are_read(sign):
    assert strict_json.parse(sign + "9" * 18) == int(sign + "9" * 18)


def test_sixteen_levels_are_allowed():
    assert strict_json.parse("[" * 16 + "]" * 16)
