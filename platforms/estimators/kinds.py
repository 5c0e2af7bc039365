"""Names of the kinds of estimators; loads nothing."""

KINDS = ("roofline", "refined_roofline", "statistical", "mixed", "stepwise", "pr")
