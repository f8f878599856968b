"""Drawn streets, rooms and landscapes with exact labels: the data set `mini`."""
