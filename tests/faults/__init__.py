"""What holds when processes die, hang, run out of space or are lied to."""
