"""SQL of record APIs: tables and views as users made them, of which `_ROW_` is one row."""
