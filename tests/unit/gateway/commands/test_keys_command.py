"""keys: a secret is shown once; what is listed names no secret."""


def test_create_list_revoke(shell):
    secret = shell.ok("keys", "create", "laptop").strip()
    (key,) = shell.json("keys", "list")
    assert (key["name"], key["scopes"], key["revoked_at"]) == ("laptop", ["inference"], None)
    assert secret.endswith(key["hint"])
    listed = shell.ok("keys", "list")
    assert "live" in listed
    assert secret not in listed
    assert shell.ok("keys", "revoke", key["id"]) == f"{key['id']} is revoked\n"
    assert "revoked" in shell.ok("keys", "list")
    assert shell.run("keys", "revoke", key["id"]).exit_code == 1


def test_scopes(shell):
    shell.ok("keys", "create", "all", "--all-scopes")
    shell.ok("keys", "create", "some", "--scope", "metrics")
    scopes = {key["name"]: key["scopes"] for key in shell.json("keys", "list")}
    assert scopes == {"all": ["inference", "admin", "metrics"], "some": ["metrics"]}


def test_the_secret_is_not_on_the_disk(shell):
    secret = shell.ok("keys", "create", "laptop").strip()
    for path in (shell.root / "state").rglob("*"):
        assert secret.encode() not in path.read_bytes()
