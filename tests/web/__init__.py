"""The pages as people meet them: in a browser, with and without scripts, on a phone and on a desk."""
