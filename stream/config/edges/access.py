"""Settings of encryption and of who may see what, towards those who ask us and those whom we ask."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.parts import Settings


class TlsSettings(Settings):
    """Encryption of the HTTP pages.

    Attributes:
        certificate: PEM file with the certificate and those that lead to its authority; relative to the config file.
        key: PEM file of its private key, likewise.
        key_password: what opens the key, if it is encrypted.
    """

    certificate: Path
    key: Path
    key_password: Annotated[str | None, Field(repr=False)] = None


class ClientTlsSettings(Settings):
    """Encryption towards a server; its certificate is always checked.

    Attributes:
        ca: PEM file of authorities beside those of this machine; relative to the config file.
        certificate: PEM file of our own certificate, for a server that asks for one.
        key: PEM file of its private key.
        key_password: what opens the key, if it is encrypted.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: Annotated[str | None, Field(repr=False)] = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise PydanticCustomError("pair", "certificate and key, both or neither")
        return self


Secret = Annotated[str, StringConstraints(min_length=1, pattern=r"^[\x21-\x7e]+$")]
"""What an Authorization header can carry."""


class AuthSettings(Settings):
    """Who may see what is measured: whoever has the token, or the user name and the password.

    Attributes:
        token: for `Authorization: Bearer`.
        token_file: file with it, relative to the config file; the end of its last line does not count.
        username: for `Authorization: Basic`; without a colon, which would end it.
        password: the same.
        password_file: file with it, as above.
    """

    token: Annotated[Secret | None, Field(repr=False)] = None
    token_file: Path | None = None
    username: Annotated[str, StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]+$")] | None = None
    password: Annotated[str | None, Field(min_length=1, repr=False)] = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = {name for name, value in self.__dict__.items() if value is not None}
        basic = given - {"username"}
        if given in ({"token"}, {"token_file"}) or ("username" in given and basic in ({"password"}, {"password_file"})):
            return self
        raise PydanticCustomError(
            "auth", "one of token, token_file, username with password, or username with password_file"
        )
