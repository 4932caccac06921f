"""One suite that looks at every situation of the read rules by requests and by subscriptions."""
