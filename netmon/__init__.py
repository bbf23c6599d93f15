"""netmon: accounts, shares and enforces centrally purchased bandwidth."""

__version__ = "0.1.0"
