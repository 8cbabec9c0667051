"""Who is who: ids, duplicates, cycles, and every misuse with its message (semantics §4)."""
