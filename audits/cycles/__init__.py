"""Cycles: a remediation round over many sites, from a baseline over repairs to confirming sweeps and a closing report."""
