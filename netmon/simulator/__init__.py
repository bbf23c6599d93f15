"""A simulated province: SNMP agents and SSH router CLIs for the demo and the tests."""
