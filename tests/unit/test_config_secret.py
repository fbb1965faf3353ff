"""Secrets are referred to, and read when they are needed."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from telephony.config import SecretReference
from telephony.errors import ConfigurationError


def test_secret_is_read_from_the_environment() -> None:
    assert SecretReference(env="KEY").read({"KEY": " s3cret\n"}) == "s3cret"


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": "  "}])
def test_environment_without_it_is_an_error(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="environment variable KEY is not set"):
        SecretReference(env="KEY").read(environ)


def test_secret_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("s3cret\n", encoding="utf-8")
    assert SecretReference(file=path).read({}) == "s3cret"
    assert "s3cret" not in repr(SecretReference(file=path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 octets or more, wanted a secret of 1 to 16384"),
        (b" \n", "has 2 octets or more"),
        (b"x" * 20_000, "has 16385 octets or more"),
        (b"\xff4711", "is not UTF-8 text"),
    ],
)
def test_file_without_one_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as caught:
        SecretReference(file=path).read({})
    assert "4711" not in str(caught.value)


def test_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"secret file .*none: No such file"):
        SecretReference(file=tmp_path / "none").read({})


@pytest.mark.parametrize("values", [{}, {"env": "A", "file": "b"}, {"env": "two words"}])
def test_reference_names_one_place(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SecretReference.model_validate(values)
