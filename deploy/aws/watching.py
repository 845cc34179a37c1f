"""Who looks after it: alarms by mail, a dashboard, a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Annotations, Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from deploy.aws.api import Gateway
from deploy.aws.catalog import Catalog
from deploy.aws.options import Options
from deploy.aws.regions import BUDGETED, is_in

PERIOD = Duration.minutes(5)
NO_BUDGET = (
    "CloudFormation knows no budgets in this region, so nobody is told what it costs. A budget is"
    " of the whole account: make one in the console, Billing, Budgets."
)


class Watching(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        failed: Mapping[str, sqs.IQueue],
        machine: sfn.StateMachine,
        gateway: Gateway,
        catalog: Catalog,
        functions: Sequence[lambda_.Function],
        emptying: Mapping[str, lambda_.Function],
        alone: Sequence[lambda_.Function],
        options: Options,
    ) -> None:
        """`emptying`: functions that queues call; `alone`: those of whose errors nobody else
        tells, as the gateway and the state machine do."""
        super().__init__(scope, id)
        self.topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        # That TLS is asked for makes a policy in place of SNS's own, which let the account publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        self.topic.add_subscription(subscriptions.EmailSubscription(options.notify))
        api = gateway.api
        for name, queue in failed.items():
            self._alarm(
                f"{name}NotTaken",
                f"Photos that could not be worked on wait in the dead-letter queue ({name})",
                queue.metric_approximate_number_of_messages_visible(
                    period=PERIOD, statistic="Maximum"
                ),
            )
        for name, function in emptying.items():
            self._alarm(
                f"{name}Breaks",
                f"The function for {name.lower()} ends with errors, again and again: it may not"
                " start (its log says why), and nothing is taken in",
                function.metric_errors(period=PERIOD, statistic="Sum"),
                # What it fails on is no error of the function. One that a photo ends has three,
                # within five minutes; one that cannot start, each time that its message comes:
                # every twelve minutes where it is a single one.
                times=3,
                of=6,
            )
        self._alarm(
            "BundlesFail", "A bundle failed", machine.metric_failed(period=PERIOD, statistic="Sum")
        )
        self._alarm(
            "ApiFails",
            "The API answers with 5xx",
            api.metric_server_error(period=PERIOD, statistic="Sum"),
        )
        self._alarm(
            "WorkFails",
            "Housekeeping fails",
            _sum([function.metric_errors(period=PERIOD) for function in alone]),
        )
        self._alarm(
            "Throttled",
            "Lambda has no room for more functions at the same time: ask AWS for more concurrency",
            # The account's functions share it: whichever is refused, ours are next.
            cloudwatch.Metric(
                namespace="AWS/Lambda", metric_name="Throttles", period=PERIOD, statistic="Sum"
            ),
        )
        self._alarm(
            "CatalogThrottled",
            "DynamoDB refuses requests: one owner's writes are too many at once",
            _sum(
                [
                    catalog.table.metric(name, period=PERIOD, statistic="Sum")
                    for name in ("ReadThrottleEvents", "WriteThrottleEvents")
                ]
            ),
        )
        self._dashboard(failed, machine, gateway, catalog, functions)
        if options.budget:
            if is_in(Stack.of(self), BUDGETED):
                self._budget(options)
            else:
                Annotations.of(self).add_warning_v2("fototeca:budget", NO_BUDGET)

    def _alarm(
        self, id: str, description: str, metric: cloudwatch.IMetric, *, times: int = 1, of: int = 1
    ) -> None:
        """Alarm when the metric is not nothing in so many of so many periods."""
        alarm = cloudwatch.Alarm(
            self,
            id,
            alarm_description=description,
            metric=metric,
            threshold=1,
            evaluation_periods=of,
            datapoints_to_alarm=times,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def _dashboard(
        self,
        failed: Mapping[str, sqs.IQueue],
        machine: sfn.StateMachine,
        gateway: Gateway,
        catalog: Catalog,
        functions: Sequence[lambda_.Function],
    ) -> None:
        stack = Stack.of(self)
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            # Dashboards are of all regions together.
            dashboard_name=f"{stack.stack_name}-{stack.region}",
            widgets=[
                [
                    _graph("Requests", gateway.api.metric_count(period=PERIOD)),
                    _graph("Latency (ms)", gateway.api.metric_latency(period=PERIOD)),
                    _graph(
                        "Refused and failed",
                        gateway.api.metric_client_error(period=PERIOD),
                        gateway.api.metric_server_error(period=PERIOD),
                    ),
                ],
                [
                    _graph(
                        "Invocations", *(f.metric_invocations(period=PERIOD) for f in functions)
                    ),
                    _graph("Errors", *(f.metric_errors(period=PERIOD) for f in functions)),
                    _graph("Duration (ms)", *(f.metric_duration(period=PERIOD) for f in functions)),
                ],
                [
                    _graph(
                        "Photos put aside",
                        *(
                            queue.metric_approximate_number_of_messages_visible(
                                period=PERIOD, label=name
                            )
                            for name, queue in failed.items()
                        ),
                    ),
                    _graph(
                        "Bundles",
                        machine.metric_started(period=PERIOD),
                        machine.metric_succeeded(period=PERIOD),
                        machine.metric_failed(period=PERIOD),
                    ),
                    _graph(
                        "Catalog units",
                        catalog.table.metric_consumed_read_capacity_units(period=PERIOD),
                        catalog.table.metric_consumed_write_capacity_units(period=PERIOD),
                        # Two at the same photo or label: tried again, and only slow.
                        catalog.table.metric("TransactionConflict", period=PERIOD, statistic="Sum"),
                    ),
                ],
            ],
        )

    def _budget(self, options: Options) -> None:
        def told(kind: str, percent: int) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
            return budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[
                    budgets.CfnBudget.SubscriberProperty(
                        address=options.notify, subscription_type="EMAIL"
                    )
                ],
            )

        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=options.budget, unit="USD"),
            ),
            notifications_with_subscribers=[told("ACTUAL", 80), told("FORECASTED", 100)],
        )


def _sum(metrics: Sequence[cloudwatch.Metric]) -> cloudwatch.IMetric:
    if len(metrics) == 1:
        return metrics[0]
    names = {f"m{number}": metric for number, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in names),
        using_metrics=dict(names),
        period=PERIOD,
    )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8)
