"""Routers: inventory, platform profiles, discovery, polling, SSH, dialects and enforcement."""
