"""Large graphs: "no recursion, no quadratic step"."""
