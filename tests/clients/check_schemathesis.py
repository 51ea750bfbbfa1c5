"""schemathesis: requests of every kind that the OpenAPI document allows, and many that it does not;
none may be answered by a server error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

url, model = sys.argv[1:]

command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"]
command += ["--url", url, "--checks", "not_a_server_error", "--phases", "examples,coverage,fuzzing"]
command += ["--max-examples", "20", "--seed", "1", "--request-timeout", "60"]
# One worker: with more, two threads parse Python at once, which Python 3.11 now and then fails at.
command += ["--workers", "1"]
# What makes the model write for minutes is bounded by the server; here it is only slow.
sys.exit(subprocess.run(command, check=False).returncode)
