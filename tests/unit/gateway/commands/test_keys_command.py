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


def test_a_key_may_use_the_cloud_within_a_budget(shell):
    shell.ok("keys", "create", "plain")
    shell.ok(
        *(
            "keys",
            "create",
            "spender",
            "--cloud",
            "--budget-day",
            "5",
            "--budget-month",
            "$50",
            "--budget-request",
            "0.5",
        ),
        *("--no-training", "--retention-days", "30"),
    )
    plain, spender = sorted(shell.json("keys", "list"), key=lambda key: key["name"])
    cloud = {name: value for name, value in spender.items() if name not in plain or value != plain[name]}
    assert {name: cloud[name] for name in cloud if name not in ("id", "name", "hint", "created_at")} == {
        "cloud": True, "budget_day_usd": "5", "budget_month_usd": "50", "budget_request_usd": "0.5",
        "no_training": True, "retention_days": 30,
    }  # fmt: skip
    assert (plain["cloud"], plain["budget_day_usd"], plain["retention_days"]) == (False, None, None)
    listed = shell.ok("keys", "list")
    said = "spender  (cloud, $5.00 a day, $50.00 a month, $0.50 a request, no training, kept 30 days at most)\n"
    assert said in listed


def test_a_policy_is_updated_piece_by_piece(shell):
    shell.ok("keys", "create", "spender", "--cloud", "--budget-day", "5")

    def now() -> tuple[object, ...]:
        (key,) = shell.json("keys", "list")
        return tuple(key[name] for name in ("cloud", "budget_day_usd", "budget_month_usd", "no_training"))

    said = shell.ok("keys", "update", "spender", "--budget-month", "50")
    assert said.endswith(": cloud, $5.00 a day, $50.00 a month\n")
    assert now() == (True, "5", "50", False)
    shell.ok("keys", "update", "spender", "--budget-day", "none", "--no-training")
    assert now() == (True, None, "50", True)
    shell.ok("keys", "update", "spender")
    assert now() == (True, None, "50", True)
    assert shell.ok("keys", "update", "spender", "--no-cloud", "--any-training").endswith(": no cloud\n")
    assert now() == (False, None, "50", False)
    shell.ok("keys", "update", "spender", "--retention-days", "7")
    assert shell.json("keys", "list")[0]["retention_days"] == 7
    shell.ok("keys", "update", "spender", "--retention-days", "none")
    assert shell.json("keys", "list")[0]["retention_days"] is None


def test_a_key_is_updated_by_its_name_only_where_that_says_which(shell):
    for name in ("twin", "twin", "gone"):
        shell.ok("keys", "create", name)
    made = sorted(shell.json("keys", "list"), key=lambda key: key["name"])  # one second makes them in any order
    *ids, gone = (key["id"] for key in (*made[1:], made[0]))
    refused = shell.run("keys", "update", "twin", "--cloud")
    assert refused.exit_code == 1
    assert ids[0] in refused.output
    assert ids[1] in refused.output
    shell.ok("keys", "update", ids[1], "--cloud", "--budget-day", "1")
    assert {key["id"] for key in shell.json("keys", "list") if key["cloud"]} == {ids[1]}
    shell.ok("keys", "revoke", ids[0])
    shell.ok("keys", "revoke", gone)
    shell.ok("keys", "update", "twin", "--no-cloud")
    for name in ("gone", "nobodys"):
        assert "no live key" in shell.run("keys", "update", name, "--cloud").output


def test_settings_that_come_to_nothing_are_said(shell):
    assert "budget is 0" in shell.run("keys", "create", "a", "--cloud").stderr
    assert "--cloud" in shell.run("keys", "create", "b", "--budget-day", "5").stderr
    assert "budget is 0" in shell.run("keys", "update", "a", "--budget-request", "1").stderr
    assert "budget" not in shell.run("keys", "update", "a", "--budget-day", "1").stderr


def test_amounts_are_checked(shell):
    for wrong in ("-1", "five", "nan", "1000001", "none"):
        assert shell.run("keys", "create", "a", "--budget-day", wrong).exit_code == 2
    assert shell.json("keys", "list") == []
    assert shell.run("keys", "update", "a", "--retention-days", "-1").exit_code == 2
