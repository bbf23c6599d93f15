"""The composition root: the only place that builds things and wires them."""
