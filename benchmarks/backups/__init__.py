"""What a backup and a restore cost those who use the server meanwhile."""
