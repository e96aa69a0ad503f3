"""What the tables' small languages mean: patterns, addresses, times. For the proxy, which follows
them, and for the appliance, which refuses what cannot be followed."""
