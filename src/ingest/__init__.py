"""From foreign data to the durable event log: contract, mapping, validation, log and lake."""
