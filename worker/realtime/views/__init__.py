"""Views: who may see what of a change. Compiled to SQL, judged by SQL; no client is known here."""
