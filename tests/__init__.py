"""Tests of Quillbase: from outside with real processes wherever there is an outside."""
