"""The services that owners may be told by, as Apprise's URLs name them."""

SCHEMES = (
    *("mailto", "mailtos", "ntfy", "ntfys", "tgram", "signal", "signals", "whatsapp", "threema"),
    *("discord", "slack", "workflow", "workflows", "gchat", "wxteams", "webex", "zulip", "revolt"),
    *("matrix", "matrixs", "mmost", "mmosts", "rocket", "rockets", "nctalk", "nctalks", "line"),
    *("mastodon", "mastodons", "toot", "toots", "gotify", "gotifys", "bark", "barks", "pover"),
    *("pbul", "prowl", "pushy", "psafer", "psafers", "spush", "simplepush", "pushdeer"),
    *("pushdeers", "schan", "notica", "noticas", "hassio", "hassios", "ncloud", "nclouds"),
    *("twilio", "seven", "mailgun", "sendgrid", "brevo", "postmark", "resend"),
    *("json", "jsons", "xml", "xmls", "form", "forms", "apprise", "apprises"),
)
"""What Apprise may send by, unless the administrator says otherwise. Left out is what acts on this
machine (desktop, D-Bus, syslog), reads files that a URL names, or speaks no protocol of the web or
of mail."""
