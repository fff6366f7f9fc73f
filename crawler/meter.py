"""What this process counts that no row tells."""

from prometheus_client import Counter

BROWSERS = Counter("jisweep_browser_starts", "Browsers started, by why: first, retired, lost.", ["why"])
