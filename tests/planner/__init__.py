"""Tests of the planner: stories, an exhaustive comparison with a naive oracle, random worlds, and cost."""
