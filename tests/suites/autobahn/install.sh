#!/usr/bin/env bash
# Installs the runner of the Autobahn cases into target/autobahn-venv, with a patch; idempotent.
# usage: tests/suites/autobahn/install.sh
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib/common.sh"

VENV=$TARGET/autobahn-venv
make_venv "$VENV" kosoku==0.1.0

# A peer may echo a compressed message uncompressed (RFC 7692 §6). Version 0.1.0 then passes a str
# to the cases 12.* and 13.*, which hash bytes, and the case crashes.
"$VENV/bin/python" - <<'P'
import pathlib
import kosoku
from kosoku.cases import CASES

case = pathlib.Path(kosoku.__file__).parent / "cases" / "case12_x_x.py"
text = case.read_text()
head = "def onMessage(self, msg, binary):\n"
mend = "   msg = msg.encode('latin-1' if binary else 'utf-8') if isinstance(msg, str) else msg\n"
if head + mend not in text:
    assert text.count(head) == 1, "the runner has changed: look at this patch again"
    case.write_text(text.replace(head, head + mend))

assert len(CASES) == 517, f"expected 517 Autobahn cases, found {len(CASES)}"
P
