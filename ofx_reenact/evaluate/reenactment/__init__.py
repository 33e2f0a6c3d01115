"""The result of a pair."""
