"""One address for page and API: a CloudFront distribution, HTTPS alone, the bucket private."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from constructs import Construct

from deploy.aws.api import Gateway
from deploy.aws.options import Options
from deploy.aws.reasons import acknowledge
from deploy.aws.storage import Storage
from fototeca.web.security import CONTENT_SECURITY_POLICY, HEADERS

# A path of the page is a view of it; files have an ending. Not by error pages, which would
# answer the API's 404 with the page, too.
FALLBACK = """\
function handler(event) {
  var request = event.request;
  if (!/\\.[a-z0-9]+$/i.test(request.uri)) request.uri = '/index.html';
  return request;
}
"""

COVERED = frozenset({"content-security-policy", "x-content-type-options", "referrer-policy"})
"""Headers that CloudFront has a setting of its own for."""


class Site(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        storage: Storage,
        gateway: Gateway,
        options: Options,
    ) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        api = origins.HttpOrigin(
            f"{gateway.api.api_id}.execute-api.{stack.region}.{stack.url_suffix}",
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            read_timeout=Duration.seconds(30),
        )
        headers = self._headers(storage)
        to_api = cloudfront.BehaviorOptions(
            origin=api,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            # The gateway answers to its own host name alone.
            origin_request_policy=(cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER),
            response_headers_policy=headers,
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"{stack.stack_name}: page and API",
            default_root_object="index.html",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(storage.site),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=headers,
                function_associations=[
                    cloudfront.FunctionAssociation(
                        function=self._fallback(),
                        event_type=cloudfront.FunctionEventType.VIEWER_REQUEST,
                    )
                ],
            ),
            additional_behaviors={"/api/*": to_api, "/pam/v1/*": to_api, "/health": to_api},
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            domain_names=[options.domain] if options.domain else None,
            minimum_protocol_version=(
                # CloudFront has its own choice for its own certificate.
                cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if options.domain else None
            ),
            certificate=(
                acm.Certificate.from_certificate_arn(self, "Certificate", options.certificate)
                if options.certificate
                else None
            ),
        )
        acknowledge(
            self.distribution,
            CFR1="An archive is its owner's, wherever they travel.",
            CFR2="A firewall costs 5 dollars a month before the first request; the gateway"
            " throttles, and tokens are needed for all that costs.",
            CFR3="A log would hold queries, which are what people look for and the codes that they"
            " sign in with, and their addresses. The gateway logs requests without either.",
            **(
                {}
                if options.domain
                else {"CFR4": "CloudFront's own certificate: give a domain for TLS 1.2 at least."}
            ),
        )
        self.host = options.domain or self.distribution.distribution_domain_name
        self.address = f"https://{self.host}"

    def _fallback(self) -> cloudfront.Function:
        return cloudfront.Function(
            self,
            "Fallback",
            code=cloudfront.FunctionCode.from_inline(FALLBACK),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )

    def _headers(self, storage: Storage) -> cloudfront.ResponseHeadersPolicy:
        buckets = " ".join(
            f"https://{name}"
            for bucket in (storage.photos, storage.working)
            for name in (bucket.bucket_regional_domain_name, bucket.bucket_domain_name)
        )
        # Fototeca's own, and the signed URLs of the buckets.
        policy = CONTENT_SECURITY_POLICY
        for directive in ("img-src 'self'", "connect-src 'self'"):
            assert directive in policy
            policy = policy.replace(directive, f"{directive} {buckets}")
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    # The API has its own for what it gives out: a rendition runs nothing.
                    content_security_policy=policy,
                    override=False,
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(365), override=True
                ),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(header=name, value=value, override=False)
                    for name, value in HEADERS.items()
                    if name not in COVERED
                ]
            ),
        )
