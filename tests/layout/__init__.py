"""House rules as tests: a violation names the place and the rule."""
