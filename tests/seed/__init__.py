"""The original description (pypipegraph 0.177), sentence by sentence.

Each test quotes the sentences that it holds the engine to, one per paragraph of its docstring. `sentences.py` lists
them all, with the test, or with the section of docs/adr/0036 where a sentence no longer holds as it stands.
"""
