"""Who may sign in: a Cognito user pool with its hosted pages, and the first account."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from deploy.aws.options import Options
from deploy.aws.reasons import acknowledge

CALLBACK = "/api/session/oidc/callback"
"""Where the hosted pages send the browser back to, with a code."""


class Identity(Construct):
    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:
        super().__init__(scope, id)
        self.pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=options.sign_up,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            # Cognito's pages have nobody choose: they ask everyone for a second factor, or those
            # who set one up by its API.
            mfa=cognito.Mfa.REQUIRED if options.mfa else cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=Duration.days(7),
            ),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            # Photos belong to its users' ids: another pool would not find them.
            removal_policy=RemovalPolicy.RETAIN,
            deletion_protection=True,
        )
        acknowledge(
            self.pool,
            **({} if options.mfa else {"COG2": "MFA=true asks everyone for a second factor."}),
            COG3="Threat protection costs 0.02 dollars a user and month (the Plus plan).",
            COG8="The Plus plan costs for every user; a personal archive stays in the free tier.",
        )
        first = cognito.CfnUserPoolUser(
            self,
            "FirstUser",
            user_pool_id=self.pool.user_pool_id,
            username=options.email,
            desired_delivery_mediums=["EMAIL"],
            user_attributes=[
                {"name": "email", "value": options.email},
                {"name": "email_verified", "value": "true"},
            ],
        )
        first.apply_removal_policy(RemovalPolicy.RETAIN)
        stack = Stack.of(self)
        self.domain = self.pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(
                domain_prefix=f"{stack.stack_name.lower()}-{stack.account}"
            ),
        )

    @property
    def issuer(self) -> str:
        """What tokens name as who issued them (OpenID Connect Core, 2)."""
        stack = Stack.of(self)
        host = f"cognito-idp.{stack.region}.{stack.url_suffix}"
        return f"https://{host}/{self.pool.user_pool_id}"

    def add_client(self, address: str) -> cognito.UserPoolClient:
        """The page's client. `address`: https://host, without a path."""
        return self.pool.add_client(
            "Page",
            # The code is bound to who asked by PKCE (RFC 7636): no secret to keep and renew.
            generate_secret=False,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            auth_flows=cognito.AuthFlow(user_srp=True),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
                callback_urls=[f"{address}{CALLBACK}"],
                logout_urls=[f"{address}/"],
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(30),
        )
