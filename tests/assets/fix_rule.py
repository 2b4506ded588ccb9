"""A coding agent that knows one trick: it fixes one ruff rule, which the id of its ticket names, in some folders."""

import os
import subprocess
import sys

rule = os.environ["NIGHTWORK_TICKET"].removeprefix("RULE-")
fix = ["ruff", "check", "--no-cache", "--isolated", "--fix", "--unsafe-fixes", "--quiet", "--exit-zero"]
sys.stdin.read()
sys.exit(subprocess.run([*fix, "--select", rule, *sys.argv[1:]], check=False).returncode)
