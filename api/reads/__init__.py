"""What the API reads and how it shows it: plain values, one statement a question."""
