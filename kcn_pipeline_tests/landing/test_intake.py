"""Results: what a feed's run came to, in words that fit the texts people read and hold no secret."""

import string
from pathlib import Path
from typing import get_args

import pytest
import yaml

import kcn_pipeline.contracts
from kcn_pipeline.contracts.sources import FilesFeed
from kcn_pipeline.lake import Lake
from kcn_pipeline.landing.errors import FolderError, ResponseWrongTypeError, Rule
from kcn_pipeline.landing.intake import FeedFinding, Intake
from kcn_pipeline.landing.secrets import Secrets
from kcn_pipeline.landing.store import Ledger, PackWriter, receive
from kcn_pipeline_tests.landing.conftest import NIGHT

FEED = FilesFeed(id="inbox", kind="register/files", url="in")
RULES = {
    rule["rule"]: rule
    for rule in yaml.safe_load(Path(kcn_pipeline.contracts.__file__).with_name("rules.yaml").read_text("utf-8"))[
        "rules"
    ]
}


def placeholders(finding: FeedFinding) -> set[str]:
    text = "".join(RULES[finding.rule][part][language] for part in ("reason", "action") for language in ("vi", "en"))
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_rule_of_landing_has_a_text() -> None:
    assert set(get_args(Rule)) <= set(RULES)


def test_the_details_of_findings_fill_the_texts_people_read(lake: Lake) -> None:
    intake = Intake(FEED, Secrets({}))
    with PackWriter(lake, "inbox", NIGHT) as writer:
        ledger = Ledger()
        for name in ("a.csv", "b.csv"):
            intake.take(receive("inbox", name, name, b"same", metadata={}), ledger, writer)
    intake.skip_too_large("c.csv", None)
    intake.skip_too_large("d.csv", 60_000_000)
    intake.fail_payload("e.csv", FolderError("cannot be read"))
    intake.fail_payload("f.csv", ResponseWrongTypeError("answers with text/html", "text/html"))
    findings = intake.result().findings
    assert [f.params.get("found") for f in findings] == [None, "> 50 MB", "60.0 MB", None, "text/html"]
    for finding in findings:
        assert placeholders(finding) <= {"file", *finding.params}, finding


def test_several_causes_are_counted_and_cleared_of_secrets() -> None:
    secrets = Secrets({"KCN_SECRET": "hush-hush"})
    secrets.resolve("${KCN_SECRET}")
    intake = Intake(FEED, secrets)
    intake.fail("first: hush-hush")
    assert intake.result().error == "first: ${KCN_SECRET}"
    intake.fail("second")
    intake.find("file_unreadable", "hush-hush.csv", detail="hush-hush", found=3)
    result = intake.result()
    assert (result.status, result.error) == ("failed", "first: ${KCN_SECRET} (and 1 more, see the findings)")
    assert result.findings[0].params == {"detail": "${KCN_SECRET}", "found": 3}
    with pytest.raises(AttributeError):
        result.landed = 1  # type: ignore[misc]
