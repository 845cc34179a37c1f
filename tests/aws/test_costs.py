"""What a deployment costs: the documentation says what the prices say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from deploy.aws.costs import (
    QUEUES,
    WATCHED,
    bundling,
    by_photos,
    idling,
    labelling,
    storing,
    table,
    tiering_later,
    zipping,
)
from fototeca.cost import GB, list_prices

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_documentation_has_the_computed_table() -> None:
    told = (DOCS / "deploying-aws.md").read_text()
    assert table(list_prices()) in told
    assert by_photos(list_prices()) in told


def test_rekognition_costs_a_dollar_more_for_a_thousand_photos() -> None:
    prices = list_prices()
    ours = labelling(1000, prices, rekognition=False)
    assert labelling(1000, prices, rekognition=True) - ours == pytest.approx(1.0)
    assert ours < 0.1


def test_costs_grow_with_what_is_used() -> None:
    prices = list_prices()
    assert bundling(30 * GB, prices) == pytest.approx(30 * bundling(GB, prices), rel=0.1)
    assert storing(20_000, prices) == pytest.approx(
        {name: 2 * cost for name, cost in storing(10_000, prices).items()}
    )
    # What it takes to be put where it stays, and to be built in parts, however large it is.
    assert tiering_later(10_000, prices) == pytest.approx(0.1)
    assert 0 < bundling(GB, prices) - zipping(GB, prices) < 0.0015
    assert idling(prices, free=True) < idling(prices, free=False)


@pytest.mark.xdist_group("aws-template")
@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_what_idles_is_what_the_template_has(template: dict[str, Any]) -> None:
    watched, mappings, dashboards = 0, 0, 0
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            metrics = resource["Properties"].get("Metrics", [{"MetricStat": {}}])
            watched += sum("MetricStat" in metric for metric in metrics)
        mappings += resource["Type"] == "AWS::Lambda::EventSourceMapping"
        dashboards += resource["Type"] == "AWS::CloudWatch::Dashboard"
    assert (watched, mappings, dashboards) == (WATCHED, QUEUES, 1)
