"""The tests of sessions in a cluster, one directory below, use the helpers that are here."""
