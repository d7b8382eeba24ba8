"""The commands of `sendwise`, grouped by what they work on."""
