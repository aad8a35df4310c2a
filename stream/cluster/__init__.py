"""Hosts that run one monitor together: how they find each other, agree, and part."""
