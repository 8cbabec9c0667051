"""PlotJob: one table, many plots."""
