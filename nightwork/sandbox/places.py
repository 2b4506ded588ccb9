"""Where a confined command finds things; the same for every ticket."""

WORKSPACE = "/workspace"
ENVIRONMENT = "/nightwork/environment"
GIT = "/nightwork/git"
HOME = "/home/agent"
USER = "1000"
