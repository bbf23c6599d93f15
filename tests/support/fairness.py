"""How even shares are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def jain_index(shares: Sequence[int], weights: Sequence[int]) -> Fraction:
    """How even shares per unit of weight are: 1 where all are alike, 1/n where one has all. Exact.

    R. Jain, D. Chiu, W. Hawe, A Quantitative Measure of Fairness and Discrimination, DEC-TR-301, 1984:
    (sum x)^2 / (n * sum x^2). Nobody has anything, or nobody is there: 1. Raises ValueError where lengths differ.
    """
    each = [Fraction(amount, weight) for amount, weight in zip(shares, weights, strict=True)]
    squares = sum(amount * amount for amount in each)
    return Fraction(sum(each) ** 2, len(each) * squares) if squares else Fraction(1)
