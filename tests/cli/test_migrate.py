"""`parley rebuild` as a person types it, in a process of its own."""

import os
import subprocess
import sys


def test_rebuild_changes_nothing(fresh_app, signed):
    client = signed(fresh_app)
    made = client.put("/v1/actors/w:north", json={"name": "Northland", "kind": "state"}).json
    done = subprocess.run(
        [sys.executable, "-m", "cli", "rebuild"],
        env=os.environ | {"PARLEY_DATABASE_URL": fresh_app.config["DATABASE_URL"]},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "Rebuilt 1 records.\n")
    assert client.get("/v1/actors/w:north").json == made
