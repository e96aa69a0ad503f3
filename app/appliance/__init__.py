"""The box: the site and its store, console, provisioning, network, log."""
