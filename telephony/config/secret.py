"""Where a secret is kept. The settings never hold the secret itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, StringConstraints, model_validator

from telephony.config.section import SECTION
from telephony.errors import ConfigurationError

__all__ = ["SecretReference"]

MAX_SECRET_OCTETS: Final = 16_384
"""A key or token has hundreds; a wrong path may lead to anything."""


class SecretReference(BaseModel):
    """`{env = "NAME"}` or `{file = "PATH"}`: the place to read a secret from when it is needed."""

    model_config = SECTION

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """The environment variable that holds it."""
    file: Path | None = None
    """The file that holds it; blanks and line ends around it are left out."""

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.env is None) is (self.file is None):
            raise ValueError("wanted one of env and file")
        return self

    def read(self, environ: Mapping[str, str]) -> str:
        """Read the secret.

        Args:
            environ: The process's environment.

        Raises:
            ConfigurationError: There is none; names the place, never what was found.
        """
        if self.file is None:
            name = self.env or ""
            secret = environ.get(name, "").strip()
            if not secret:
                raise ConfigurationError(f"environment variable {name} is not set, or empty")
            return secret
        try:
            with self.file.open("rb") as opened:
                content = opened.read(MAX_SECRET_OCTETS + 1)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise ConfigurationError(f"secret file {self.file}: {reason}") from None
        if not content.strip() or len(content) > MAX_SECRET_OCTETS:
            raise ConfigurationError(
                f"secret file {self.file} has {len(content)} octets or more,"
                f" wanted a secret of 1 to {MAX_SECRET_OCTETS}"
            )
        try:
            return content.decode().strip()
        except UnicodeDecodeError:
            raise ConfigurationError(f"secret file {self.file}: is not UTF-8 text") from None
