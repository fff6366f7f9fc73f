"""Tests of operating: status, probes, metrics, logs, settings, and the files of the guides."""
