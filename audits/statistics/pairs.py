"""The same pages seen twice: how many are worse, better and the same, and whether chance alone explains it.

Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
Psychometrika 12 (1947), 153-157; exact by the binomial distribution: P. Armitage, G. Berry and J. N. S. Matthews,
Statistical Methods in Medical Research, 4th ed. (Blackwell 2002), section 4.5.
"""

from dataclasses import dataclass
from math import comb


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pages with a result in both of two sweeps. What they show holds for these pages and no others."""

    worse: int  # without the property before, with it now (the property is a fault)
    better: int  # with it before, without it now
    same_with: int
    same_without: int

    @property
    def pages(self) -> int:
        """All pages seen twice."""
        return self.worse + self.better + self.same_with + self.same_without

    @property
    def p_value(self) -> float | None:
        """McNemar's exact two-sided test; None without pages, 1 when none has changed.

        The probability that the pages that changed split at least as unevenly, were each as likely to get worse as
        to get better. Pages that stayed the same say nothing about the direction.
        """
        if not self.pages:
            return None
        changed, fewer = self.worse + self.better, min(self.worse, self.better)
        ways = sum(comb(changed, k) for k in range(fewer + 1))
        return min(1.0, 2 * ways / (1 << changed))
