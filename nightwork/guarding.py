"""The settings of what needs a person, before it is worked on and before it is on a branch."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from nightwork.section import Section


class Guarded(StrEnum):
    """What an agent may change only when a person says so."""

    SECRETS = "secrets"  # what looks like a key or a password, in added lines, names and binary files
    CI = "ci"
    HOOKS = "hooks"  # hooks of git and their configuration, .gitattributes, .gitmodules
    LOCK_FILES = "lock_files"
    GATE_CONFIG = "gate_config"  # what the setting of this name lists, and what a gate's command starts
    NIGHTWORK = "nightwork"  # nightwork.yaml, .nightwork/, the folder of tickets
    INSTRUCTIONS = "instructions"  # files that tell coding agents what to do
    LINKS = "links"  # symbolic links that lead out of the repository
    SUBMODULES = "submodules"
    EXECUTABLES = "executables"  # compiled programs, and files that become executable
    BINARIES = "binaries"  # binary files over `max_binary_kb`


class PolicySettings(Section):
    """What waits for a person before it is on a branch."""

    hold: tuple[Guarded, ...] = Field(default=tuple(Guarded), description="kinds that need a person")
    protected: tuple[str, ...] = Field(default=(), description="further paths that need a person")
    allowed: tuple[str, ...] = Field(default=(), description="paths that need none, whatever their kind")
    max_binary_kb: int = Field(default=500, ge=0, description="a larger binary file needs a person")


class EscalationSettings(Section):
    """What is asked of a person, beside what the agent asks by itself."""

    dependencies: bool = Field(default=True, description="a dependency that the base does not have")
    migrations: bool = Field(default=True, description="a change of a database schema")
    public_names: bool = Field(default=True, description="a public Python name that is gone")
    sensitive_words: tuple[str, ...] = Field(
        default=(
            "auth", "authn", "authz", "authentication", "authorization", "oauth", "oauth2", "oidc", "saml", "sso",
            "login", "signin", "password", "passwords", "passwd", "credential", "credentials", "crypto",
            "cryptography", "encryption", "jwt", "acl", "rbac", "permissions", "mfa", "totp", "2fa",
        ),
        description="words of a path that tell of authentication or cryptography",
    )  # fmt: skip
    high_risks: bool = Field(default=True, description="a risk that the plan calls likely and severe")
    open_questions: int | None = Field(
        default=3, ge=1, description="so many questions left open after C0 are asked; null never asks them"
    )
