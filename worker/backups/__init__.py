"""Backups of a depot: made, checked and restored by a process of their own, beside the cluster."""
