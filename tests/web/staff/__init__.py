"""The door: pages without a browser, the roll under a thumb, tablets without a network."""
